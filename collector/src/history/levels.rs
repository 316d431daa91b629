//! The grid of time on which statistics are kept: cells of ten seconds, a minute, an hour and a day.
//!
//! Every level is summed up from the one below it as soon as a cell is over, and both are kept side by side until the
//! finer one is too old. A range is read from as few and as wide cells as cover it.

/// The widths of cells, in seconds; each is a multiple of the one before.
pub(crate) const WIDTHS: [i64; LEVELS] = [10, 60, 3600, 86_400];
/// How many levels there are.
pub(crate) const LEVELS: usize = 4;
/// The width of a slot: a bucket of the protocol.
pub(crate) const SLOT: i64 = WIDTHS[0];

/// The start of the cell that a moment is in.
pub(crate) fn floor(at: i64, width: i64) -> i64 {
    at.saturating_sub(at.rem_euclid(width))
}

/// The first start of a cell that is not before a moment.
pub(crate) fn ceil(at: i64, width: i64) -> i64 {
    floor(at.saturating_add(width - 1), width)
}

/// Cells of one level, from one moment until before another; in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) level: usize,
    pub(crate) from: i64,
    pub(crate) to: i64,
}

/// What is there at each level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// Cells that begin before are dropped; a start of a cell of the next level.
    pub(crate) floor: [i64; LEVELS],
    /// Cells that end until here are summed up from the level below; the lowest needs none.
    pub(crate) built: [i64; LEVELS],
}

impl Kept {
    /// Nothing yet: what comes late for a time before `now` goes to every level.
    pub(crate) fn new(now: i64) -> Self {
        let mut built = WIDTHS.map(|width| floor(now, width));
        built[0] = i64::MAX;
        Self { floor: [0; LEVELS], built }
    }

    /// The same range, widened to the cells that are kept at its ends.
    pub(crate) fn widen(&self, from: i64, to: i64) -> (i64, i64) {
        let from = from.max(self.floor[LEVELS - 1]);
        let to = to.max(from.saturating_add(1));
        (floor(from, self.width_at(from)), ceil(to, self.width_at(to.saturating_sub(1))))
    }

    /// The width of the finest cells that are kept of a moment.
    pub(crate) fn width_at(&self, at: i64) -> i64 {
        let fits = WIDTHS.iter().zip(self.floor).find(|&(&width, kept)| floor(at, width) >= kept);
        fits.map_or(WIDTHS[LEVELS - 1], |(&width, _)| width)
    }

    /// The cells that cover a widened range, none of them above a level.
    pub(crate) fn pieces(&self, from: i64, to: i64, top: usize) -> Vec<Piece> {
        let mut pieces = Vec::new();
        self.cover(top.min(LEVELS - 1), from.max(self.floor[LEVELS - 1]), to, &mut pieces);
        pieces
    }

    fn cover(&self, level: usize, from: i64, to: i64, pieces: &mut Vec<Piece>) {
        if from >= to {
            return;
        }
        let Some(below) = level.checked_sub(1) else {
            pieces.push(Piece { level, from, to });
            return;
        };
        let (first, last) = (ceil(from, WIDTHS[level]), floor(to.min(self.built[level]), WIDTHS[level]));
        if first >= last {
            return self.cover(below, from, to, pieces);
        }
        self.cover(below, from, first, pieces);
        pieces.push(Piece { level, from: first, to: last });
        self.cover(below, last, to, pieces);
    }

    /// The levels to which a slot is written: all that keep it, and are not still to be summed up from the one below.
    pub(crate) fn levels_of(&self, slot: i64) -> impl Iterator<Item = (usize, i64)> {
        let Self { floor: kept, built } = *self;
        (0..LEVELS).filter_map(move |level| {
            let at = floor(slot, WIDTHS[level]);
            (at >= kept[level] && at < built[level]).then_some((level, at))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;
    /// Some days after the epoch, at 12:34:56.
    const NOW: i64 = 100 * DAY + 12 * 3600 + 34 * 60 + 56;

    fn kept() -> Kept {
        Kept { floor: [NOW - 7200 - 56, NOW / 3600 * 3600 - 2 * DAY, 75 * DAY, 70 * DAY], ..Kept::new(NOW) }
    }

    /// Whether the pieces cover the range, each second once.
    fn covers(pieces: &[Piece], from: i64, to: i64) -> bool {
        let ends = pieces.iter().try_fold(from, |at, piece| (piece.from == at).then_some(piece.to));
        ends == Some(to) && pieces.iter().all(|piece| piece.from % WIDTHS[piece.level] == 0)
    }

    #[test]
    fn a_range_is_covered_once_and_by_few_cells() {
        let kept = kept();
        for (from, to) in [
            (0, NOW),
            (NOW - 300, NOW),
            (NOW - 300, NOW + 1000),
            (NOW - 3600, NOW - 1800),
            (NOW - DAY, NOW),
            (NOW - 3 * DAY, NOW - DAY),
            (NOW - 20 * DAY, NOW - 10 * DAY),
            (NOW - 7, NOW - 6),
            (NOW - 5, NOW - 9),
        ] {
            let (from, to) = kept.widen(from, to);
            let pieces = kept.pieces(from, to, 3);
            assert!(covers(&pieces, from, to), "{from}..{to}: {pieces:?}");
            let cells: i64 = pieces.iter().map(|piece| (piece.to - piece.from) / WIDTHS[piece.level]).sum();
            assert!(cells < 31 + 2 * (23 + 59 + 5) + 12, "{from}..{to}: {cells} cells");
            let readable = |piece: &Piece| {
                piece.from >= kept.floor[piece.level] && piece.to <= kept.built[piece.level] && piece.from < piece.to
            };
            assert!(pieces.iter().all(readable), "{from}..{to}: {pieces:?}");
            assert!(covers(&kept.pieces(from, to, 1), from, to) || from < kept.floor[1]);
        }
    }

    #[test]
    fn ends_are_widened_to_what_is_kept() {
        let kept = kept();
        assert_eq!(kept.widen(NOW - 301, NOW - 300), (floor(NOW - 301, 10), ceil(NOW - 300, 10)), "ten seconds");
        assert_eq!(kept.widen(NOW - DAY, NOW - DAY + 1), (floor(NOW - DAY, 60), floor(NOW - DAY, 60) + 60), "a minute");
        assert_eq!(kept.widen(0, 1), (70 * DAY, 71 * DAY), "a day");
        let hour = floor(NOW - 5 * DAY, 3600);
        assert_eq!(kept.widen(hour, hour + 3600), (hour, hour + 3600), "what is on the grid stays");
    }

    #[test]
    fn what_comes_late_goes_where_its_time_is() {
        let kept = kept();
        let levels = |slot| kept.levels_of(slot).map(|(level, _)| level).collect::<Vec<_>>();
        assert_eq!(levels(floor(NOW, 10)), [0], "the minute is still to be summed up");
        assert_eq!(levels(floor(NOW - 60, 10)), [0, 1]);
        assert_eq!(levels(floor(NOW - 3600, 10)), [0, 1, 2]);
        assert_eq!(levels(floor(NOW - DAY, 10)), [1, 2, 3]);
        assert_eq!(levels(floor(NOW - 10 * DAY, 10)), [2, 3]);
        assert_eq!(levels(0), [0usize; 0]);
    }
}
