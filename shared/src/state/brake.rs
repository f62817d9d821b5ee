//! Brakes: so much vanished at once from a side that it is held back, and a person says what becomes of it.

use serde::{Deserialize, Serialize};

use super::notices::words;

/// The class of errors that tell of a brake.
pub const CLASS: &str = "brake";

words! {
    /// What a person decides about what a brake holds. It is about that account, and what was held until then.
    BrakeWord {
        /// It was meant: all of it is told.
        Pass = "pass",
        /// It was not: it is forgotten, and what is known stays as it is.
        Discard = "discard",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_back() {
        for word in BrakeWord::ALL {
            assert_eq!(BrakeWord::parse(word.as_str()), Some(*word));
            assert_eq!(serde_json::to_value(word).unwrap(), word.as_str());
        }
    }
}
