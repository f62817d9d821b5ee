//! What differs between two texts, word by word. Pure.

/// Most pairs of words that are compared; beyond it the middle counts as replaced.
const PAIRS_MAX: usize = 250_000;

/// Less than this share of both texts in common, in percent, and marks would only be noise.
const COMMON_MIN_PERCENT: usize = 25;

/// A stretch of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// In both.
    Same(&'a str),
    /// In the old text alone.
    Gone(&'a str),
    /// In the new text alone.
    New(&'a str),
}

/// What became of `old` in `new`, in order. Texts that have little in common are one replaced by the other.
pub(super) fn pieces<'a>(old: &'a str, new: &'a str) -> Vec<Piece<'a>> {
    let (before, after) = (words(old), words(new));
    let head = before.iter().zip(&after).take_while(|(a, b)| a == b).count();
    let ends = before[head..].iter().rev().zip(after[head..].iter().rev());
    let tail = ends.take_while(|(a, b)| a == b).count();
    let (middle_before, middle_after) =
        (&before[head..before.len() - tail], &after[head..after.len() - tail]);

    let mut steps: Vec<Step> = Vec::with_capacity(before.len() + after.len());
    steps.extend(std::iter::repeat_n(Step::Same, head));
    steps.extend(aligned(middle_before, middle_after));
    steps.extend(std::iter::repeat_n(Step::Same, tail));

    let found = joined(old, new, &before, &after, &steps);
    if is_noise(&found, old, new) { replaced(old, new) } else { found }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Same,
    Gone,
    New,
}

/// Words, blanks and signs, each by itself: what a person takes for one thing.
fn words(text: &str) -> Vec<&str> {
    let kind = |c: char| match c {
        c if c.is_alphanumeric() => 0,
        c if c.is_whitespace() => 1,
        _ => 2,
    };
    let mut words = Vec::new();
    let mut start = 0;
    let mut last = None;
    for (at, c) in text.char_indices() {
        let is_other = last.is_some_and(|last| last != kind(c) || last == 2);
        if is_other {
            words.push(&text[start..at]);
            start = at;
        }
        last = Some(kind(c));
    }
    if start < text.len() {
        words.push(&text[start..]);
    }
    words
}

/// The steps from one to the other with the most words in common.
fn aligned(before: &[&str], after: &[&str]) -> Vec<Step> {
    let (rows, columns) = (before.len(), after.len());
    let all_replaced = || [vec![Step::Gone; rows], vec![Step::New; columns]].concat();
    if rows == 0 || columns == 0 || rows.saturating_mul(columns) > PAIRS_MAX {
        return all_replaced();
    }
    // common[i][j]: the most words that before[i..] and after[j..] share.
    let width = columns + 1;
    let mut common = vec![0_u32; (rows + 1) * width];
    for i in (0..rows).rev() {
        for j in (0..columns).rev() {
            common[i * width + j] = if before[i] == after[j] {
                common[(i + 1) * width + j + 1] + 1
            } else {
                common[(i + 1) * width + j].max(common[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut steps = Vec::with_capacity(rows + columns);
    while i < rows && j < columns {
        if before[i] == after[j] {
            steps.push(Step::Same);
            (i, j) = (i + 1, j + 1);
        } else if common[(i + 1) * width + j] >= common[i * width + j + 1] {
            steps.push(Step::Gone);
            i += 1;
        } else {
            steps.push(Step::New);
            j += 1;
        }
    }
    steps.extend(std::iter::repeat_n(Step::Gone, rows - i));
    steps.extend(std::iter::repeat_n(Step::New, columns - j));
    steps
}

/// Steps as stretches of text: what went first, what came after it, blanks between changed words swallowed.
fn joined<'a>(old: &'a str, new: &'a str, before: &[&str], after: &[&str], steps: &[Step]) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    // Byte offsets: where the open change began in each text, and how far we are.
    let (mut at_old, mut at_new, mut from_old, mut from_new) = (0, 0, 0, 0);
    let (mut i, mut j) = (0, 0);
    let mut same_from = 0;
    let close_same = |pieces: &mut Vec<Piece<'a>>, from: usize, to: usize| {
        if from < to {
            pieces.push(Piece::Same(&new[from..to]));
        }
    };
    let close_change = |pieces: &mut Vec<Piece<'a>>, old_part: &'a str, new_part: &'a str| {
        if !old_part.is_empty() {
            pieces.push(Piece::Gone(old_part));
        }
        if !new_part.is_empty() {
            pieces.push(Piece::New(new_part));
        }
    };
    let mut in_change = false;
    for (n, step) in steps.iter().enumerate() {
        let is_blank_between = *step == Step::Same
            && in_change
            && before[i].chars().all(char::is_whitespace)
            && steps.get(n + 1).is_some_and(|next| *next != Step::Same);
        if *step == Step::Same && !is_blank_between {
            if in_change {
                close_change(&mut pieces, &old[from_old..at_old], &new[from_new..at_new]);
                same_from = at_new;
                in_change = false;
            }
        } else if !in_change {
            close_same(&mut pieces, same_from, at_new);
            (from_old, from_new, in_change) = (at_old, at_new, true);
        }
        if *step != Step::New {
            at_old += before[i].len();
            i += 1;
        }
        if *step != Step::Gone {
            at_new += after[j].len();
            j += 1;
        }
    }
    if in_change {
        close_change(&mut pieces, &old[from_old..at_old], &new[from_new..at_new]);
    } else {
        close_same(&mut pieces, same_from, at_new);
    }
    pieces
}

fn replaced<'a>(old: &'a str, new: &'a str) -> Vec<Piece<'a>> {
    let gone = Some(Piece::Gone(old)).filter(|_| !old.is_empty());
    gone.into_iter().chain(Some(Piece::New(new)).filter(|_| !new.is_empty())).collect()
}

fn is_noise(pieces: &[Piece], old: &str, new: &str) -> bool {
    let visible = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
    let in_common: usize =
        pieces.iter().map(|piece| if let Piece::Same(text) = piece { visible(text) } else { 0 }).sum();
    in_common * 2 * 100 < COMMON_MIN_PERCENT * (visible(old) + visible(new))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `[-gone-]` and `{+new+}`, as word diffs are written.
    fn shown(old: &str, new: &str) -> String {
        let text = |piece: &Piece| match piece {
            Piece::Same(text) => (*text).to_string(),
            Piece::Gone(text) => format!("[-{text}-]"),
            Piece::New(text) => format!("{{+{text}+}}"),
        };
        pieces(old, new).iter().map(text).collect()
    }

    #[test]
    fn words_that_changed_are_marked_and_no_others() {
        for (old, new, expected) in [
            ("Ring twice.", "Ring once.", "Ring [-twice-]{+once+}."),
            ("Ring twice.", "Ring twice. Gate code 4711.", "Ring twice.{+ Gate code 4711.+}"),
            ("same", "same", "same"),
            ("", "new", "{+new+}"),
            ("old", "", "[-old-]"),
            ("", "", ""),
            ("a b c d e f", "a X Y d e f", "a [-b c-]{+X Y+} d e f"),
            ("deliver to the back door", "to the back door", "[-deliver -]to the back door"),
            ("12.50 EUR net", "12.75 EUR net", "12.[-50-]{+75+} EUR net"),
            ("Straße 5, Köln 🚚", "Straße 7, Köln 🚚", "Straße [-5-]{+7+}, Köln 🚚"),
        ] {
            assert_eq!(shown(old, new), expected);
        }
    }

    #[test]
    fn texts_with_little_in_common_are_one_for_the_other() {
        assert_eq!(
            shown("call before you come, they sleep late", "gate code 4711, ask for Ann"),
            "[-call before you come, they sleep late-]{+gate code 4711, ask for Ann+}"
        );
    }

    #[test]
    fn both_texts_can_be_read_from_the_pieces_whatever_they_are() {
        let mut dice = 7_u32;
        let mut drawn = |of: u32| {
            dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (dice >> 16) % of
        };
        let parts = ["a", "b ", " c", ".", "\n", "ü", "🚚", "ab", "  "];
        for _ in 0..2_000 {
            let mut text = || (0..drawn(12)).map(|_| parts[drawn(9) as usize]).collect::<String>();
            let (old, new) = (text(), text());
            let found = pieces(&old, &new);
            let text = |(Piece::Same(t) | Piece::Gone(t) | Piece::New(t)): &Piece| t.to_string();
            let read = |keeps: fn(&Piece) -> bool| {
                let kept = found.iter().filter(|piece| keeps(piece));
                kept.map(text).collect::<String>()
            };
            assert_eq!(read(|piece| !matches!(piece, Piece::Gone(_))), new, "from {old:?}");
            let old_words: String = read(|piece| !matches!(piece, Piece::New(_)));
            assert_eq!(old_words, old, "to {new:?}");
        }
    }

    #[test]
    fn a_megabyte_that_changed_all_over_is_no_burden() {
        let long = |word: &str| format!("{word} ").repeat(200_000);
        assert_eq!(pieces(&long("before"), &long("after")).len(), 2);
        let once = |word: &str| format!("{}{word}{}", "x ".repeat(100_000), " y".repeat(100_000));
        assert_eq!(pieces(&once("before"), &once("after")).len(), 4);
    }
}
