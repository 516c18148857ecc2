//! Marks of a run: the latest thousand, by their numbers.

use super::snapshot::{Mark, MarkKind};
use std::collections::VecDeque;

/// Marks that are kept.
const MOST: usize = 1_000;

/// The marks of a run.
#[derive(Debug, Default)]
pub(super) struct Marks {
    ring: VecDeque<Mark>,
    added: u64,
}

impl Marks {
    pub(super) fn add(&mut self, at_s: f64, kind: MarkKind, words: String) {
        if self.ring.len() == MOST {
            self.ring.pop_front();
        }
        self.added += 1;
        self.ring.push_back(Mark { id: self.added, at_s, kind, words });
    }

    /// Those after the one numbered `after`, in order.
    pub(super) fn after(&self, after: u64) -> Vec<Mark> {
        self.ring.iter().filter(|mark| mark.id > after).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_thousand_are_kept_and_keep_their_numbers() {
        let mut marks = Marks::default();
        for at in 0..1_500_u32 {
            marks.add(f64::from(at), MarkKind::State, String::new());
        }
        let ids = |after| marks.after(after).iter().map(|mark| mark.id).collect::<Vec<_>>();
        assert_eq!(ids(0), (501..=1_500).collect::<Vec<_>>());
        assert_eq!(ids(1_498), [1_499, 1_500]);
        assert!(ids(1_500).is_empty());
    }
}
