//! People.

use crate::scenes::look::Look;
use crate::scenes::model::Model;
use crate::scenes::solid::{ball, block, egg, limb};
use crate::scenes::space::{Pose, V, v};

/// Colours of a person's skin, hair and clothes, as on the web.
#[derive(Debug, Clone, Copy)]
pub struct Outfit {
    /// Skin.
    pub skin: u32,
    /// Hair.
    pub hair: u32,
    /// Whether the hair is long.
    pub long_hair: bool,
    /// Shirt or jacket.
    pub top: u32,
    /// Whether the sleeves are long.
    pub long_sleeves: bool,
    /// Trousers.
    pub trousers: u32,
    /// Shoes.
    pub shoes: u32,
}

/// Where the joints are, in metres; limbs as `[right, left]`, right at positive z.
#[derive(Debug, Clone, Copy)]
pub struct Joints {
    /// Middle of the pelvis.
    pub hip: V,
    /// Between the shoulders.
    pub neck: V,
    /// Middle of the head.
    pub head: V,
    /// Knees.
    pub knees: [V; 2],
    /// Ankles.
    pub ankles: [V; 2],
    /// Elbows.
    pub elbows: [V; 2],
    /// Hands.
    pub hands: [V; 2],
    /// How the feet point, in degrees upwards.
    pub toes: [f32; 2],
}

/// Standing at ease.
pub const STANDING: Joints = Joints {
    hip: v(0.0, 0.93, 0.0),
    neck: v(0.0, 1.46, 0.0),
    head: v(0.03, 1.65, 0.0),
    knees: [v(0.02, 0.5, 0.11), v(0.03, 0.5, -0.1)],
    ankles: [v(-0.02, 0.09, 0.13), v(0.0, 0.09, -0.11)],
    elbows: [v(-0.04, 1.14, 0.235), v(-0.04, 1.14, -0.235)],
    hands: [v(0.06, 0.89, 0.25), v(0.06, 0.89, -0.25)],
    toes: [0.0, 0.0],
};

/// In mid-step, the right leg ahead.
pub const WALKING: Joints = Joints {
    hip: v(0.0, 0.91, 0.0),
    neck: v(0.03, 1.44, 0.0),
    head: v(0.07, 1.63, 0.0),
    knees: [v(0.2, 0.51, 0.1), v(-0.05, 0.48, -0.1)],
    ankles: [v(0.3, 0.1, 0.1), v(-0.38, 0.17, -0.1)],
    elbows: [v(-0.16, 1.16, 0.23), v(0.12, 1.15, -0.23)],
    hands: [v(-0.15, 0.9, 0.22), v(0.32, 0.98, -0.2)],
    toes: [12.0, -38.0],
};

/// On a bicycle whose hubs are 0.35 m high, standing at the same place; the right foot is down.
pub const CYCLING: Joints = Joints {
    hip: v(-0.17, 1.06, 0.0),
    neck: v(0.1, 1.54, 0.0),
    head: v(0.19, 1.72, 0.0),
    knees: [v(0.2, 0.72, 0.11), v(0.23, 0.93, -0.11)],
    ankles: [v(0.02, 0.3, 0.12), v(-0.2, 0.52, -0.13)],
    elbows: [v(0.17, 1.26, 0.24), v(0.17, 1.26, -0.24)],
    hands: [v(0.31, 1.06, 0.26), v(0.31, 1.06, -0.26)],
    toes: [-5.0, -15.0],
};

/// On a horse that stands at the same place.
pub const RIDING: Joints = Joints {
    hip: v(0.02, 1.58, 0.0),
    neck: v(0.0, 2.1, 0.0),
    head: v(0.03, 2.29, 0.0),
    knees: [v(0.32, 1.33, 0.33), v(0.32, 1.33, -0.33)],
    ankles: [v(0.12, 0.93, 0.36), v(0.12, 0.93, -0.36)],
    elbows: [v(0.03, 1.8, 0.24), v(0.03, 1.8, -0.24)],
    hands: [v(0.33, 1.72, 0.07), v(0.33, 1.72, -0.07)],
    toes: [12.0, 12.0],
};

/// On a chair or sofa whose seat is 0.45 m high, the feet in front of it.
pub const SITTING: Joints = Joints {
    hip: v(0.0, 0.56, 0.0),
    neck: v(-0.06, 1.08, 0.0),
    head: v(-0.02, 1.27, 0.0),
    knees: [v(0.44, 0.53, 0.13), v(0.43, 0.53, -0.12)],
    ankles: [v(0.43, 0.09, 0.15), v(0.46, 0.09, -0.13)],
    elbows: [v(0.1, 0.8, 0.25), v(0.1, 0.8, -0.25)],
    hands: [v(0.33, 0.72, 0.16), v(0.33, 0.72, -0.16)],
    toes: [0.0, 0.0],
};

/// A person.
pub fn person(outfit: &Outfit, joints: &Joints) -> Model {
    let Joints { hip, neck, head, knees, ankles, elbows, hands, toes } = *joints;
    let mut m = Model::new();
    let spine = (neck - hip).unit();
    let (skin, top, trousers) = (Look::matt(outfit.skin), Look::matt(outfit.top), Look::matt(outfit.trousers));
    let side = v(0.0, 0.0, 1.0);

    // Legs first, then the shirt over them.
    for (i, sign) in [(0, 1.0), (1, -1.0)] {
        let joint = hip + side * (0.088 * sign) - spine * 0.02;
        m.grow(0.03, limb(&[(joint, 0.092), (knees[i], 0.064), (ankles[i] + v(0.0, 0.02, 0.0), 0.05)]), trousers);
        let foot = egg(v(0.07, -0.035, 0.0), v(0.145, 0.052, 0.052));
        let sole = block(v(0.07, -0.075, 0.0), v(0.13, 0.018, 0.045), 0.018);
        let pose = Pose::at(ankles[i].x, ankles[i].y, ankles[i].z).pitch(toes[i]);
        m.add(foot.posed(pose), outfit.shoes).add(sole.posed(pose), 0xe8e4da);
    }
    m.grow(0.06, egg(hip, v(0.115, 0.12, 0.16)), trousers);

    let chest = neck - spine * 0.19;
    let waist = hip + spine * 0.17;
    m.grow(0.02, egg(waist - spine * 0.07, v(0.122, 0.15, 0.158)), top);
    m.cover_one(egg(hip - spine * 0.14, v(0.3, 0.135, 0.3)), trousers);
    m.grow(0.1, egg(chest, v(0.118, 0.2, 0.165)), top);
    for (i, sign) in [(0, 1.0), (1, -1.0)] {
        let shoulder = neck - spine * 0.06 + side * (0.152 * sign);
        let half = shoulder + (elbows[i] - shoulder) * 0.7;
        m.grow(0.07, limb(&[(shoulder, 0.066), (half, 0.055)]), top);
        if outfit.long_sleeves {
            let wrist = hands[i] + (elbows[i] - hands[i]) * 0.25;
            m.grow(0.03, limb(&[(half, 0.055), (elbows[i], 0.05), (wrist, 0.04)]), top);
        } else {
            m.add(limb(&[(half, 0.044), (elbows[i], 0.041)]), skin);
        }
        m.add(limb(&[(elbows[i], 0.04), (hands[i], 0.029)]), skin);
        let palm = hands[i] + (hands[i] - elbows[i]).unit() * 0.05;
        m.grow(0.02, egg(palm, v(0.042, 0.06, 0.03)), skin);
    }

    head_of(&mut m, outfit, neck, head);
    m
}

/// Neck, face and hair.
fn head_of(m: &mut Model, outfit: &Outfit, neck: V, head: V) {
    let skin = Look::matt(outfit.skin);
    let hair = Look::matt(outfit.hair).gloss(0.08);
    m.add(limb(&[(neck - v(0.0, 0.02, 0.0), 0.06), (head - v(0.02, 0.05, 0.0), 0.05)]), skin);
    m.grow(0.03, egg(head, v(0.098, 0.118, 0.08)), skin);
    m.grow(0.03, egg(head + v(0.035, -0.06, 0.0), v(0.06, 0.06, 0.055)), skin);
    m.grow(0.015, egg(head + v(0.1, -0.02, 0.0), v(0.02, 0.028, 0.015)), skin);
    for z in [0.036, -0.036] {
        m.add(ball(head + v(0.079, 0.014, z), 0.0135), 0xf4efe8);
        m.add(ball(head + v(0.087, 0.014, z), 0.0085), 0x2a211c);
        m.add(egg(head + v(0.081, 0.044, z), v(0.01, 0.0045, 0.021)), hair);
        m.add(egg(head + v(-0.005, -0.005, 2.15 * z), v(0.018, 0.028, 0.012)), skin);
    }
    let smile = [v(0.09, -0.06, 0.028), v(0.1, -0.071, 0.0), v(0.09, -0.06, -0.028)].map(|p| (head + p, 0.0085));
    m.cover_one(limb(&smile), Look::between(outfit.skin, 0x8c3030, 0.7));
    m.grow(0.01, egg(head + v(-0.025, 0.035, 0.0), v(0.105, 0.105, 0.093)), hair);
    if outfit.long_hair {
        let tail = limb(&[
            (head + v(-0.05, 0.0, 0.0), 0.085),
            (head + v(-0.075, -0.12, 0.0), 0.075),
            (head + v(-0.07, -0.22, 0.0), 0.05),
        ]);
        m.grow(0.03, tail, hair);
    }
}
