//! What waits behind its ordering key. Pure.

use std::collections::{HashMap, VecDeque};

/// Messages by key: the first of each key is out, the others wait in order.
pub(super) struct Queue<T> {
    /// A key is here while one of its messages is out.
    waiting: HashMap<String, VecDeque<T>>,
}

impl<T> Queue<T> {
    pub(super) fn new() -> Self {
        Self { waiting: HashMap::new() }
    }

    /// Takes `item` in; it comes back when it may go out at once. An empty key is no order at all.
    pub(super) fn push(&mut self, key: &str, item: T) -> Option<T> {
        if key.is_empty() {
            return Some(item);
        }
        if let Some(waiting) = self.waiting.get_mut(key) {
            waiting.push_back(item);
            return None;
        }
        self.waiting.insert(key.to_string(), VecDeque::new());
        Some(item)
    }

    /// The message of `key` that was out is done: the next one, which is out now.
    pub(super) fn next(&mut self, key: &str) -> Option<T> {
        let next = self.waiting.get_mut(key)?.pop_front();
        if next.is_none() {
            self.waiting.remove(key);
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_a_key_is_out_and_keys_do_not_wait_for_each_other() {
        let mut queue = Queue::new();
        assert_eq!(queue.push("a", 1), Some(1));
        assert_eq!(queue.push("a", 2), None);
        assert_eq!(queue.push("a", 3), None);
        assert_eq!(queue.push("b", 4), Some(4));
        assert_eq!((queue.next("a"), queue.next("a"), queue.next("a")), (Some(2), Some(3), None));
        assert_eq!(queue.push("a", 5), Some(5), "the key is free again");
    }

    #[test]
    fn without_a_key_there_is_no_order() {
        let mut queue = Queue::new();
        assert_eq!((queue.push("", 1), queue.push("", 2)), (Some(1), Some(2)));
        assert_eq!(queue.next(""), None);
    }

    #[test]
    fn nothing_is_kept_of_a_key_that_is_done() {
        let mut queue = Queue::new();
        for n in 0..100 {
            queue.push(&n.to_string(), n);
            queue.next(&n.to_string());
        }
        assert!(queue.waiting.is_empty());
    }
}
