//! The laws of the four stages, on random problems; and one small problem worked out by hand.

use proptest::prelude::*;

use super::*;
use crate::boxes::CornerBox;

/// Scores from a few values, so that ties are common, and boxes that often overlap.
fn problem() -> impl Strategy<Value = (Vec<f32>, Vec<CornerBox>)> {
    let corner = (0u8..12, 0u8..12, 0u8..8, 0u8..8).prop_map(|(x, y, w, h)| {
        let [x, y, w, h] = [x, y, w, h].map(|v| f32::from(v) / 20.0);
        CornerBox::new(x, y, x + w, y + h)
    });
    prop::collection::vec(((0u8..=20).prop_map(|s| f32::from(s) / 20.0), corner), 0..600)
        .prop_map(|pairs| pairs.into_iter().unzip())
}

fn params() -> impl Strategy<Value = DetectParams> {
    (0.0f32..0.9, 0.0f32..=1.0, 1usize..=450, 1usize..=250).prop_map(|(score, iou, top_k, max)| DetectParams {
        score,
        iou,
        top_k,
        max,
        ..DetectParams::default()
    })
}

proptest! {
    #[test]
    fn topk_is_the_head_of_the_sorted_list((scores, _) in problem(), params in params()) {
        let passed = (0u32..).zip(scores.iter().copied()).filter(|(_, score)| *score > params.score);
        let mut sorted: Vec<(u32, f32)> = passed.collect();
        sorted.sort_by(|a, b| b.1.total_cmp(&a.1)); // stable: priors stay ascending
        sorted.truncate(params.top_k);
        let found: Vec<(u32, f32)> = topk(&scores, &params).iter().map(|c| (c.prior, c.score)).collect();
        prop_assert_eq!(found, sorted);
    }

    #[test]
    fn nms_keeps_a_subset_without_overlaps((scores, boxes) in problem(), params in params()) {
        let candidates = topk(&scores, &params);
        let kept = nms(&candidates, &boxes, &params);
        prop_assert!(kept.len() <= params.max);
        let mut rest = candidates.iter();
        prop_assert!(kept.iter().all(|k| rest.any(|c| c == k)), "not a subsequence of the candidates");
        for (i, a) in kept.iter().enumerate() {
            for b in &kept[i + 1..] {
                let overlap = boxes[a.prior as usize].iou(&boxes[b.prior as usize]);
                prop_assert!(overlap <= params.iou + 1e-6, "priors {} and {} overlap by {overlap}", a.prior, b.prior);
            }
        }
        prop_assert_eq!(nms(&kept, &boxes, &params), kept);
    }

    #[test]
    fn nms_drops_only_what_a_kept_box_overlaps((scores, boxes) in problem(), params in params()) {
        let params = DetectParams { max: SLOTS, ..params };
        let candidates = topk(&scores, &params);
        let kept = nms(&candidates, &boxes, &params);
        for dropped in candidates.iter().filter(|c| !kept.contains(c)) {
            let largest = (kept.iter().filter(|k| k.key() < dropped.key()))
                .map(|k| boxes[k.prior as usize].iou(&boxes[dropped.prior as usize]))
                .fold(0.0, f32::max);
            prop_assert!(largest > params.iou - 1e-6, "prior {} overlaps by {largest} only", dropped.prior);
        }
    }

    #[test]
    fn soft_nms_lowers_scores_and_stays_sorted((scores, boxes) in problem(), params in params()) {
        let candidates = topk(&scores, &params);
        let kept = soft_nms(&candidates, &boxes, &params);
        prop_assert!(kept.len() <= params.max);
        prop_assert!(kept.is_sorted_by_key(Candidate::key));
        for k in &kept {
            let before = candidates.iter().find(|c| c.prior == k.prior);
            prop_assert!(before.is_some_and(|c| k.score <= c.score && k.score > params.score));
        }
        prop_assert_eq!(kept.first(), candidates.first());
    }

    #[test]
    fn gather_is_sorted_and_at_most_max((scores, boxes) in problem(), params in params()) {
        let rows = vec![topk(&scores, &params), Vec::new(), topk(&scores, &params)];
        let gathered = gather(&rows, &boxes, &params);
        prop_assert_eq!(gathered.len(), params.max.min(2 * rows[0].len()));
        let key = |g: &Gathered| (std::cmp::Reverse(g.detection.score.to_bits()), g.detection.class, g.prior);
        prop_assert!(gathered.windows(2).all(|w| key(&w[0]) < key(&w[1])));
    }

    #[test]
    fn decode_gives_probabilities_inside_the_picture(
        logits in prop::collection::vec(-90.0f32..90.0, 35),
        offsets in prop::collection::vec(-50.0f32..50.0, 28),
    ) {
        let priors = [CenterBox::new(0.5, 0.25, 0.5, 0.1); 7];
        let decoded = decode(&offsets, &logits, &priors, Variances::default(), ScoreActivation::Softmax);
        prop_assert_eq!((decoded.scores.len(), decoded.boxes.len()), (4 * 7, 7));
        for prior in 0..7 {
            let sum: f32 = decoded.rows().map(|row| row[prior]).sum();
            prop_assert!((0.0..=1.0 + 1e-5).contains(&sum));
        }
        prop_assert!(decoded.boxes.iter().all(|b| *b == b.clipped() && b.x1 <= b.x2 && b.y1 <= b.y2));
    }
}

#[test]
fn three_boxes_by_hand() {
    // Two priors on one object and one elsewhere; the zero offsets keep the priors as boxes.
    let priors =
        [CenterBox::new(0.3, 0.3, 0.2, 0.2), CenterBox::new(0.31, 0.3, 0.2, 0.2), CenterBox::new(0.7, 0.7, 0.2, 0.2)];
    let logits = [0.0, 2.0, 0.0, /**/ 0.0, 3.0, 0.0, /**/ 0.0, 0.0, 2.5];
    let params = DetectParams::default();
    let found = postprocess(&[0.0; 12], &logits, &priors, Variances::default(), ScoreActivation::Softmax, &params);

    let share = |x: f32| x.exp() / (x.exp() + 2.0);
    assert_eq!(found.iter().map(|d| d.class).collect::<Vec<_>>(), [1, 2]);
    assert!((found[0].score - share(3.0)).abs() < 1e-6 && (found[1].score - share(2.5)).abs() < 1e-6);
    assert!((found[0].bbox.x1 - 0.21).abs() < 1e-6);

    let only_two = DetectParams { classes: Some(vec![2]), ..params.clone() };
    assert_eq!(
        postprocess(&[0.0; 12], &logits, &priors, Variances::default(), ScoreActivation::Softmax, &only_two),
        found[1..]
    );
    let none = DetectParams { classes: Some(vec![]), ..params };
    assert!(
        postprocess(&[0.0; 12], &logits, &priors, Variances::default(), ScoreActivation::Softmax, &none).is_empty()
    );
}

#[test]
fn values_that_are_not_finite_give_no_detection() {
    let priors = [CenterBox::new(0.5, 0.5, 0.5, 0.5); 5];
    for broken in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 2e30] {
        let mut logits = [0.0, 9.0].repeat(5);
        logits[2] = broken; // background of prior 1
        logits[5] = broken; // class 1 of prior 2
        let mut offsets = [0.0; 20];
        offsets[3 * 4 + 1] = broken; // cy of prior 3
        let decoded = decode(&offsets, &logits, &priors, Variances::default(), ScoreActivation::Softmax);
        assert_eq!(decoded.scores[1..4], [0.0; 3], "{broken}");
        assert!(decoded.scores[0] > 0.9 && decoded.scores[4] > 0.9);
    }
    let scores = [f32::NAN, -f32::NAN, f32::INFINITY, -0.5, 1.5, 1.0];
    let found = topk(&scores, &DetectParams { score: 0.0, ..DetectParams::default() });
    assert_eq!(found, [Candidate { score: 1.0, prior: 5 }]);
}

#[test]
fn nothing_in_nothing_out() {
    let none = postprocess(&[], &[], &[], Variances::default(), ScoreActivation::Softmax, &DetectParams::default());
    assert!(none.is_empty());
}

#[test]
fn parameters_out_of_range_are_named() {
    let good = DetectParams::default();
    assert_eq!(good.clone().checked(21).as_ref(), Ok(&good));
    assert_eq!(DetectParams { score: -0.0, ..good.clone() }.score_bits(), 0);
    let nan = DetectParams { iou: f32::NAN, ..good.clone() }.checked(21);
    assert!(matches!(nan, Err(ParamsError::Threshold { name: "iou", .. })));
    let many = DetectParams { top_k: 513, ..good.clone() }.checked(21);
    assert_eq!(many, Err(ParamsError::Count { name: "top_k", value: 513 }));
    for class in [0, 21] {
        let unknown = DetectParams { classes: Some(vec![1, class]), ..good.clone() }.checked(21);
        assert_eq!(unknown, Err(ParamsError::Class { class, last: 20 }));
    }
}
