//! Animals: bodies strung from balls along a spine, with a seam that grows them together.

use crate::scenes::look::{Look, Paint, layered, noise, step};
use crate::scenes::model::Model;
use crate::scenes::solid::{Solid, ball, egg, limb};
use crate::scenes::space::{Pose, V, v};

/// The eyes, both, as dark beads with a highlight.
fn eyes(m: &mut Model, at: V, radius: f32) {
    m.pair(ball(at, radius), Look::matt(0x14100e).gloss(0.9).mirror(0.1));
}

/// The four legs: the points of a fore and a hind leg on the right side, and by how much the near and far feet of each
/// pair are ahead; the seam with the body.
fn legs(
    m: &mut Model,
    fore: &[(V, f32)],
    hind: &[(V, f32)],
    ahead: f32,
    seam: f32,
    hide: impl Into<Paint> + Copy,
    hoof: u32,
) {
    for (points, sign) in [(fore, 1.0), (hind, -1.0)] {
        for side in [1.0, -1.0] {
            let shift = ahead * side * sign;
            let top = points[0].0.y;
            let stride = |(p, r): &(V, f32)| (v(p.x + shift * (1.0 - p.y / top), p.y, p.z * side), *r);
            let points: Vec<_> = points.iter().map(stride).collect();
            m.grow(seam, limb(&points), hide);
            let (foot, r) = points[points.len() - 1];
            m.grow(0.01, egg(v(foot.x + 0.3 * r, 0.6 * r, foot.z), v(1.5 * r, 0.75 * r, 1.2 * r)), hoof);
        }
    }
}

/// A black and white cow, 2.4 m long.
pub fn cow() -> Model {
    fn hide(p: V) -> Look {
        let patch = noise(p * 1.9 + v(3.4, 0.2, 9.0)) + 0.15 * noise(p * 7.0);
        let face = step(0.05, 0.03, p.z.abs()) * step(1.0, 1.1, p.x);
        Look::between(0xf1ece0, 0x2c2725, step(0.56, 0.6, patch) * step(0.3, 0.5, p.y) * (1.0 - face))
    }
    let hide = Paint::By(hide);
    let mut m = Model::new();
    m.add(limb(&[(v(0.62, 1.02, 0.0), 0.33), (v(0.05, 0.98, 0.0), 0.385), (v(-0.62, 1.05, 0.0), 0.32)]), hide);
    m.grow(0.15, limb(&[(v(0.5, 1.27, 0.0), 0.12), (v(-0.72, 1.27, 0.0), 0.12)]), hide);
    m.grow(0.12, limb(&[(v(-0.72, 1.24, 0.19), 0.09), (v(-0.72, 1.24, -0.19), 0.09)]), hide);
    m.grow(0.15, limb(&[(v(0.72, 1.12, 0.0), 0.25), (v(1.08, 1.34, 0.0), 0.16)]), hide);
    m.grow(0.1, limb(&[(v(0.8, 0.9, 0.0), 0.1), (v(1.0, 1.15, 0.0), 0.08)]), hide);
    m.grow(0.06, limb(&[(v(1.12, 1.42, 0.0), 0.14), (v(1.38, 1.17, 0.0), 0.095)]), hide);
    m.grow(0.04, egg(v(1.43, 1.1, 0.0), v(0.1, 0.085, 0.1)), 0xd9a79a);
    m.pair(egg(v(1.51, 1.13, 0.045), v(0.02, 0.018, 0.02)), 0x5b3b36);
    m.pair(egg(v(1.05, 1.46, 0.21), v(0.06, 0.05, 0.11)), 0x39302c);
    m.pair(limb(&[(v(1.06, 1.54, 0.1), 0.035), (v(1.1, 1.64, 0.17), 0.022), (v(1.12, 1.7, 0.15), 0.01)]), 0xd9cdb0);
    eyes(&mut m, v(1.2, 1.4, 0.115), 0.026);
    let fore = [
        (v(0.55, 0.9, 0.19), 0.15),
        (v(0.57, 0.48, 0.18), 0.075),
        (v(0.55, 0.26, 0.17), 0.05),
        (v(0.56, 0.08, 0.17), 0.052),
    ];
    let hind = [
        (v(-0.62, 1.02, 0.2), 0.2),
        (v(-0.5, 0.68, 0.21), 0.13),
        (v(-0.7, 0.46, 0.2), 0.072),
        (v(-0.66, 0.24, 0.2), 0.048),
        (v(-0.62, 0.08, 0.2), 0.052),
    ];
    legs(&mut m, &fore, &hind, 0.14, 0.12, hide, 0x3a322c);
    m.grow(0.06, egg(v(-0.34, 0.66, 0.0), v(0.2, 0.14, 0.15)), 0xe0aea2);
    m.pair(limb(&[(v(-0.3, 0.56, 0.07), 0.03), (v(-0.3, 0.5, 0.07), 0.022)]), 0xd89d92);
    m.grow(0.03, limb(&[(v(-0.92, 1.26, 0.0), 0.05), (v(-1.02, 1.0, 0.0), 0.035), (v(-1.0, 0.62, 0.03), 0.028)]), hide);
    m.grow(
        0.02,
        limb(&[(v(-1.0, 0.62, 0.03), 0.04), (v(-0.99, 0.45, 0.03), 0.055), (v(-0.98, 0.36, 0.03), 0.02)]),
        0x2c2725,
    );
    m
}

/// A sheep, 1.2 m long.
pub fn sheep() -> Model {
    fn wool(p: V) -> Look {
        let lean = |salt: f32| noise(p * 18.0 + v(salt, 0.0, 0.0)) - 0.5;
        let color = Look::between(0xcfc4ad, 0xf4eddd, layered(p * 9.0, 2));
        Look { tilt: v(lean(0.0), lean(50.0), lean(90.0)) * 0.5, ..color }
    }
    const FACE: u32 = 0x3a322e;
    let wool = Paint::By(wool);
    let mut m = Model::new();
    let body = limb(&[(v(0.3, 0.6, 0.0), 0.25), (v(0.0, 0.58, 0.0), 0.3), (v(-0.36, 0.6, 0.0), 0.27)]);
    m.add(body.rough(0.03, 12.0), wool);
    m.grow(0.1, limb(&[(v(0.4, 0.72, 0.0), 0.17), (v(0.56, 0.84, 0.0), 0.12)]).rough(0.015, 15.0), wool);
    m.grow(0.03, limb(&[(v(0.62, 0.89, 0.0), 0.095), (v(0.72, 0.8, 0.0), 0.07), (v(0.81, 0.71, 0.0), 0.05)]), FACE);
    m.grow(0.05, ball(v(0.57, 0.93, 0.0), 0.09).rough(0.015, 16.0), wool);
    m.pair(limb(&[(v(0.6, 0.92, 0.08), 0.028), (v(0.58, 0.9, 0.16), 0.034), (v(0.57, 0.88, 0.2), 0.014)]), FACE);
    m.add(egg(v(0.855, 0.7, 0.0), v(0.014, 0.02, 0.03)), 0x1f1a18);
    eyes(&mut m, v(0.68, 0.89, 0.075), 0.014);
    let fore = [(v(0.3, 0.45, 0.13), 0.1), (v(0.3, 0.24, 0.13), 0.045), (v(0.3, 0.05, 0.13), 0.034)];
    let hind = [(v(-0.4, 0.5, 0.14), 0.12), (v(-0.44, 0.27, 0.14), 0.05), (v(-0.4, 0.05, 0.14), 0.034)];
    legs(&mut m, &fore, &hind, 0.06, 0.02, 0x3f3733, 0x241f1d);
    m.grow(0.05, limb(&[(v(-0.6, 0.68, 0.0), 0.07), (v(-0.67, 0.48, 0.0), 0.05)]).rough(0.015, 16.0), wool);
    m
}

/// A horse of a colour, 2.4 m long.
pub fn horse(coat: u32, mane: u32) -> Model {
    let (coat, hair) = (Look::matt(coat).gloss(0.12), Look::matt(mane));
    let mut m = Model::new();
    m.add(
        limb(&[
            (v(0.5, 1.17, 0.0), 0.29),
            (v(0.0, 1.15, 0.0), 0.285),
            (v(-0.3, 1.19, 0.0), 0.28),
            (v(-0.62, 1.22, 0.0), 0.3),
        ]),
        coat,
    );
    m.grow(0.15, limb(&[(v(0.46, 1.4, 0.0), 0.11), (v(0.0, 1.32, 0.0), 0.14), (v(-0.6, 1.4, 0.0), 0.13)]), coat);
    m.grow(0.15, limb(&[(v(0.6, 1.28, 0.0), 0.25), (v(0.86, 1.6, 0.0), 0.165), (v(1.02, 1.86, 0.0), 0.115)]), coat);
    m.grow(0.06, limb(&[(v(1.08, 1.9, 0.0), 0.115), (v(1.2, 1.74, 0.0), 0.105), (v(1.36, 1.53, 0.0), 0.07)]), coat);
    m.grow(0.03, egg(v(1.4, 1.48, 0.0), v(0.07, 0.075, 0.065)), coat.lit(0.45));
    m.grow(0.05, egg(v(1.14, 1.78, 0.0), v(0.1, 0.13, 0.085)), coat);
    m.cover_one(egg(v(1.33, 1.72, 0.0), v(0.16, 0.2, 0.03)), 0xf2ece2);
    m.pair(egg(v(1.45, 1.5, 0.04), v(0.018, 0.022, 0.016)), 0x120d0b);
    m.pair(limb(&[(v(1.03, 1.98, 0.055), 0.035), (v(1.06, 2.06, 0.07), 0.03), (v(1.08, 2.13, 0.065), 0.008)]), coat);
    eyes(&mut m, v(1.19, 1.84, 0.095), 0.024);
    let crest = [
        (v(1.08, 2.02, 0.0), 0.05),
        (v(0.92, 1.92, 0.0), 0.075),
        (v(0.72, 1.66, 0.02), 0.085),
        (v(0.5, 1.47, 0.02), 0.05),
    ];
    m.grow(0.04, limb(&crest).rough(0.02, 12.0), hair);
    m.grow(0.03, limb(&[(v(1.07, 2.02, 0.0), 0.045), (v(1.19, 1.93, 0.0), 0.03)]), hair);
    let fore = [
        (v(0.52, 1.08, 0.17), 0.16),
        (v(0.55, 0.8, 0.16), 0.085),
        (v(0.56, 0.55, 0.15), 0.062),
        (v(0.56, 0.48, 0.15), 0.058),
        (v(0.55, 0.2, 0.15), 0.04),
        (v(0.58, 0.1, 0.15), 0.052),
    ];
    let hind = [
        (v(-0.62, 1.15, 0.16), 0.23),
        (v(-0.55, 0.85, 0.17), 0.14),
        (v(-0.72, 0.62, 0.16), 0.075),
        (v(-0.76, 0.55, 0.16), 0.062),
        (v(-0.72, 0.22, 0.16), 0.043),
        (v(-0.68, 0.1, 0.16), 0.053),
    ];
    legs(&mut m, &fore, &hind, 0.16, 0.14, coat, 0x1c1714);
    for end in [&fore[3..], &hind[3..]] {
        for (p, r) in &end[1..] {
            m.cover(ball(*p, 2.2 * r), coat);
        }
    }
    let tail = [
        (v(-0.9, 1.36, 0.0), 0.05),
        (v(-1.04, 1.2, 0.0), 0.08),
        (v(-1.08, 0.85, 0.0), 0.085),
        (v(-1.04, 0.5, 0.0), 0.03),
    ];
    m.grow(0.04, limb(&tail).rough(0.018, 12.0), hair);
    m
}

/// A saddle and a bridle for a horse that stands at the same place.
pub fn tack() -> Model {
    let leather = Look::matt(0x3d2517).gloss(0.3);
    let mut m = Model::new();
    m.add(limb(&[(v(-0.22, 1.53, 0.0), 0.09), (v(0.02, 1.47, 0.0), 0.08), (v(0.24, 1.53, 0.0), 0.07)]), leather);
    m.grow_pair(0.04, egg(v(0.1, 1.3, 0.28), v(0.17, 0.2, 0.04)), leather);

    m.pair(limb(&[(v(0.1, 1.2, 0.32), 0.014), (v(0.12, 0.9, 0.37), 0.014)]), leather);
    m.pair(limb(&[(v(0.33, 1.72, 0.07), 0.01), (v(0.8, 1.62, 0.2), 0.01), (v(1.37, 1.55, 0.08), 0.01)]), leather);
    for (x, y, radius) in [(1.36, 1.53, 0.078), (1.14, 1.84, 0.125)] {
        let strap = Solid::Hoop { center: v(0.0, 0.0, 0.0), radius, pen: 0.013 };
        m.add(strap.posed(Pose::at(x, y, 0.0).yaw(90.0).roll(48.0)), leather);
    }
    m
}

/// A dog of a colour, 0.6 m high at the shoulders.
pub fn dog(coat: u32) -> Model {
    let dark = Look::between(coat, 0x2a1c12, 0.45);
    let coat = Look::matt(coat);
    let mut m = Model::new();
    m.add(limb(&[(v(0.2, 0.44, 0.0), 0.155), (v(-0.05, 0.46, 0.0), 0.125), (v(-0.3, 0.47, 0.0), 0.125)]), coat);
    m.grow(0.06, limb(&[(v(0.26, 0.54, 0.0), 0.105), (v(0.4, 0.7, 0.0), 0.088)]), coat);
    m.grow(0.03, egg(v(0.43, 0.755, 0.0), v(0.105, 0.095, 0.092)), coat);
    m.grow(0.03, limb(&[(v(0.5, 0.725, 0.0), 0.062), (v(0.61, 0.705, 0.0), 0.048)]), coat);
    m.cover_one(egg(v(0.58, 0.66, 0.0), v(0.13, 0.045, 0.1)), coat.mixed(Look::matt(0xf3e7d0), 0.6));
    m.add(egg(v(0.653, 0.722, 0.0), v(0.022, 0.02, 0.026)), Look::matt(0x161211).gloss(0.5));
    m.cover_one(egg(v(0.63, 0.668, 0.0), v(0.06, 0.005, 0.06)), 0x2a1d18);
    m.add(egg(v(0.6, 0.648, 0.0), v(0.04, 0.014, 0.022)), 0xd97b7b);
    eyes(&mut m, v(0.51, 0.785, 0.048), 0.014);
    m.pair(limb(&[(v(0.4, 0.82, 0.07), 0.03), (v(0.4, 0.76, 0.105), 0.038), (v(0.41, 0.69, 0.105), 0.026)]), dark);
    let fore = [(v(0.22, 0.4, 0.09), 0.085), (v(0.21, 0.22, 0.09), 0.043), (v(0.22, 0.05, 0.09), 0.034)];
    let hind = [
        (v(-0.3, 0.44, 0.09), 0.1),
        (v(-0.25, 0.27, 0.09), 0.06),
        (v(-0.37, 0.17, 0.09), 0.034),
        (v(-0.34, 0.05, 0.09), 0.034),
    ];
    legs(&mut m, &fore, &hind, 0.05, 0.06, coat, 0xc79a66);
    m.grow(0.03, limb(&[(v(-0.4, 0.52, 0.0), 0.045), (v(-0.52, 0.62, 0.0), 0.036), (v(-0.58, 0.75, 0.0), 0.02)]), coat);
    m.cover_one(egg(v(0.0, 0.0, 0.0), v(0.2, 0.022, 0.2)).posed(Pose::at(0.35, 0.635, 0.0).pitch(-40.0)), 0xc23a2e);
    m
}

/// A sitting tabby cat, 0.45 m high.
pub fn cat() -> Model {
    fn tabby(p: V) -> Look {
        let bands = ((p.y * 16.0 + 2.2 * noise(p * 9.0) - p.x * 5.0).fract() - 0.5).abs();
        let coat = Look::between(0xb98a55, 0x5d3f26, step(0.26, 0.12, bands) * step(0.04, 0.09, p.y));
        coat.lit(0.85 + 0.3 * layered(p * 40.0, 2))
    }
    let tabby = Paint::By(tabby);
    let white = Look::matt(0xf5efe6);
    let mut m = Model::new();
    m.add(limb(&[(v(-0.09, 0.13, 0.0), 0.125), (v(-0.02, 0.24, 0.0), 0.095), (v(0.035, 0.31, 0.0), 0.075)]), tabby);
    m.grow_pair(0.03, egg(v(-0.06, 0.09, 0.085), v(0.115, 0.09, 0.06)), tabby);
    m.grow_pair(0.02, egg(v(0.04, 0.025, 0.11), v(0.075, 0.027, 0.035)), white);
    m.grow_pair(
        0.03,
        limb(&[(v(0.045, 0.27, 0.045), 0.048), (v(0.075, 0.14, 0.043), 0.032), (v(0.085, 0.04, 0.043), 0.028)]),
        tabby,
    );
    m.grow_pair(0.01, egg(v(0.105, 0.024, 0.043), v(0.045, 0.025, 0.032)), white);
    m.cover_one(egg(v(0.1, 0.26, 0.0), v(0.06, 0.09, 0.055)), white);
    m.grow(0.03, egg(v(0.07, 0.405, 0.0), v(0.082, 0.076, 0.086)), tabby);
    m.grow_pair(0.02, egg(v(0.085, 0.38, 0.045), v(0.05, 0.04, 0.045)), tabby);
    m.grow(0.015, egg(v(0.135, 0.38, 0.0), v(0.032, 0.024, 0.034)), white);
    m.add(egg(v(0.165, 0.391, 0.0), v(0.008, 0.007, 0.01)), 0xc77b74);
    m.pair(limb(&[(v(0.05, 0.455, 0.055), 0.034), (v(0.045, 0.515, 0.066), 0.008)]), tabby);
    m.cover(limb(&[(v(0.085, 0.455, 0.055), 0.024), (v(0.07, 0.5, 0.063), 0.004)]), 0xd8a594);
    m.pair(egg(v(0.132, 0.418, 0.036), v(0.016, 0.018, 0.019)), Look::matt(0xb9c14a).gloss(0.7));
    m.pair(egg(v(0.146, 0.418, 0.037), v(0.005, 0.014, 0.006)), Look::matt(0x0c0b0a).gloss(0.9));
    for rise in [-0.012, 0.004, 0.02] {
        m.pair(limb(&[(v(0.15, 0.377, 0.03), 0.0012), (v(0.165, 0.377 + rise, 0.12), 0.0006)]), 0xf7f3ea);
    }
    let tail = [
        (v(-0.2, 0.05, 0.03), 0.038),
        (v(-0.16, 0.036, 0.17), 0.035),
        (v(0.0, 0.033, 0.2), 0.032),
        (v(0.1, 0.03, 0.16), 0.026),
    ];
    m.grow(0.02, limb(&tail), tabby);
    m
}
