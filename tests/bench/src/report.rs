//! Figures in words.

/// The value in the middle.
pub(crate) fn median(values: &[f64]) -> f64 {
    percentile(values, 50)
}

/// The value under which `percent` of the values lie.
pub(crate) fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let at = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

/// The median, and between what the values lie.
pub(crate) fn spread(values: &[f64], digits: usize) -> String {
    let (low, high) =
        values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
    format!("{:.digits$} ({low:.digits$} to {high:.digits$})", median(values))
}

/// Says whether a goal was reached.
pub(crate) fn goal(what: &str, reached: bool) {
    println!("  goal: {what}: {}", if reached { "reached" } else { "MISSED" });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values() {
        let values: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        assert_eq!(
            (median(&values), percentile(&values, 99), percentile(&values, 100)),
            (100.0, 198.0, 200.0)
        );
        assert_eq!((median(&[7.0]), median(&[]).is_nan()), (7.0, true));
        assert_eq!(spread(&[1.0, 3.0, 2.0], 0), "2 (1 to 3)");
    }
}
