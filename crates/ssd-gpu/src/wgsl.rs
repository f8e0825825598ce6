//! What the WGSL declares, as Rust: a [`Shader`] for each row of the table, the structs that host and kernels share,
//! and the constants of each file in a module of its name.
//!
//! `build.rs` writes all of it from the shaders; nothing is copied by hand. A constant that the host replaces
//! ([`crate::kernel::Kernel`]) has here the value that it has on disk.

use std::mem::offset_of;

use bytemuck::{Pod, Zeroable};
use ssd::model::L2NORM_EPSILON;

use crate::kernel::{Shader, TABLE};

include!(concat!(env!("OUT_DIR"), "/wgsl.rs"));

// What the kernels and their twins each write down.
const _: () = {
    use std::f32::consts::{FRAC_1_SQRT_2, SQRT_2};

    assert!(candidate::SLOTS as usize == ssd::postprocess::SLOTS);
    assert!(select::ONE_BITS == 1.0f32.to_bits());
    assert!(l2norm::EPSILON == L2NORM_EPSILON);
    assert!(winograd::HALF_ROOT == FRAC_1_SQRT_2 && winograd::ROOT == SQRT_2);
};
