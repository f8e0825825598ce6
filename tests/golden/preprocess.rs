//! The resize of `ssd::preprocess` against `torch.nn.functional.interpolate`, once shrinking and once enlarging.

use ssd::preprocess::{Normalization, Preprocess, preprocess_rgb};

use super::{Fixture, Tolerance, assert_values_close};

/// A place in a picture of 53 pixels is known to 4e-6 of a pixel in f32, and neighbours differ by up to 255.
const PLACE_ROUNDED: Tolerance = Tolerance { absolute: 2e-3, relative: 0.0 };

#[test]
fn resize_is_torch_bilinear_without_antialiasing() {
    let fixture = Fixture::open("layers");
    let picture = fixture.data("resize.input");
    let [height, width, channels] = picture.shape().dims();
    assert_eq!(channels, 3, "the recorded picture is RGB");
    let rgb: Vec<u8> = picture.iter::<u8>().collect();
    for size in [30, 60] {
        let key = format!("resize.output_{size}");
        let spec = Preprocess { input_size: size, normalization: Normalization { mean: [0.0; 3], std: [1.0; 3] } };
        let resized = preprocess_rgb(&rgb, width, height, &spec);
        assert_values_close(&key, &resized, &fixture.values(&key), PLACE_ROUNDED);
    }
}
