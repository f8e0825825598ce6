//! The measures of recorded sequences are those of TrackEval 1.3.0, and, but for fragmentations, of motmetrics 1.4.0:
//! `tests/compare/tracks.py` prints them.

use super::{Frame, Measures, measure};
use crate::Rect;

const SEQUENCES: &str = include_str!("../../../../tests/fixtures/tracks/sequences.csv");

/// What both measure in each sequence.
const RECORDED: [Measures; 3] = [
    Measures {
        mota: 0.863_945_578_231_292_5,
        motp: 0.736_258_024_728_314_4,
        idf1: 0.931_972_789_115_646_3,
        matches: 137,
        misses: 10,
        false_positives: 10,
        switches: 0,
        fragmentations: 9,
    },
    Measures {
        mota: 0.512_635_379_061_371_8,
        motp: 0.730_870_511_731_804_7,
        idf1: 0.579_256_360_078_277_9,
        matches: 193,
        misses: 84,
        false_positives: 41,
        switches: 10,
        fragmentations: 29,
    },
    Measures {
        mota: 0.1625,
        motp: 0.730_182_128_391_934_3,
        idf1: 0.407_894_736_842_105_25,
        matches: 93,
        misses: 67,
        false_positives: 51,
        switches: 16,
        fragmentations: 29,
    },
];

/// The frames of a sequence: lines of `case,frame,what,id,x,y,width,height`.
fn sequence(case: usize) -> Vec<Frame> {
    let mut frames: Vec<Frame> = Vec::new();
    for line in SEQUENCES.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let [x, y, width, height] = [4, 5, 6, 7].map(|cell| cells[cell].parse::<f64>().expect("a number"));
        let [of, frame, id] = [0, 1, 3].map(|cell| cells[cell].parse::<usize>().expect("a whole number"));
        if of == case {
            frames.resize(frames.len().max(frame + 1), Frame::default());
            let boxes = match cells[2] {
                "object" => &mut frames[frame].objects,
                _ => &mut frames[frame].tracks,
            };
            boxes.push((id as u64, Rect::new(x, y, x + width, y + height)));
        }
    }
    frames
}

#[test]
fn the_measures_are_those_of_the_mot_challenge() {
    for (case, recorded) in RECORDED.iter().enumerate() {
        let found = measure(&sequence(case));
        let pairs = [(found.mota, recorded.mota), (found.motp, recorded.motp), (found.idf1, recorded.idf1)];
        for (found, recorded) in pairs {
            assert!((found - recorded).abs() < 1e-6, "sequence {case}: {found} is not {recorded}");
        }
        let whole = |m: &Measures| [m.matches, m.misses, m.false_positives, m.switches, m.fragmentations];
        assert_eq!(whole(&found), whole(recorded), "sequence {case}");
    }
}
