//! Trunks alone: their inner feature maps are those of their own projects' networks.

use burn::tensor::{Device, Tensor, TensorData};
use ssd::model::{BurnSteps, Watched};
use ssd::preprocess::preprocess_rgba;
use ssd::weights::{self, Dtype};
use ssd::{Arch, Ssd};
use ssd_import::{Conversion, Options, TensorFile};
use ssd_tests::fixture::{Fixture, SYNTHETIC, synthetic};

fn map_of(model: &Ssd, arch: Arch, layer: &'static str) -> Tensor<4> {
    let device = Device::flex();
    let size = arch.input_size();
    let pixels = preprocess_rgba(&synthetic(), SYNTHETIC.0, SYNTHETIC.1, &arch.preprocess());
    let images = Tensor::from_data(TensorData::new(pixels, [1, 3, size, size]), &device);
    let mut seen = None;
    let watch = |name: &str, work: &mut dyn FnMut() -> Tensor<4>| {
        let map = work();
        if name == layer {
            seen = Some(map.clone());
        }
        map
    };
    let mut watched = Watched { steps: BurnSteps::default(), watch };
    model.backbone.run(&mut watched, images);
    seen.unwrap_or_else(|| panic!("{arch} has no layer {layer}"))
}

#[test]
fn every_trunk_says_what_its_own_project_says() {
    let trunks = [
        ("torchvision-resnet34", "torchvision-resnet", Arch::Ssd300ResNet34, "conv4_6.2"),
        ("torchvision-vgg16", "torchvision-vgg16", Arch::Ssd300Vgg16, "conv5_3"),
        ("amdegroot-vgg16-reducedfc", "amdegroot-vgg16-reducedfc", Arch::Ssd300Vgg16, "fc7"),
        ("torchvision-mobilenet-v2", "torchvision-mobilenet-v2", Arch::Ssd300MobileNetV2Lite, "last"),
        (
            "torchvision-mobilenet-v3-large",
            "torchvision-mobilenet-v3-large",
            Arch::SsdLite320MobileNetV3LargeWide,
            "last",
        ),
    ];
    for (name, layout, arch, layer) in trunks {
        let fixture = Fixture::open(name);
        let file = fixture.checkpoint("");
        let conversion = Conversion::new(file, &Options::default()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(conversion.plan.layout.name, layout);
        assert!(conversion.plan.header.is_none() && conversion.plan.arch == arch, "{name}");
        assert!(conversion.plan.unused.is_empty(), "{name}: {:?}", conversion.plan.unused);
        let bytes = conversion.to_bytes(Dtype::F32, &mut |_, _| {}).unwrap_or_else(|error| panic!("{name}: {error}"));
        let written = TensorFile::open(Box::new(bytes.clone())).unwrap_or_else(|error| panic!("{name}: {error}"));
        let again = Conversion::new(written, &Options::default()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(again.plan.layout.is_own() && again.plan.header.is_none() && again.plan.arch == arch, "{name}");
        assert_eq!(again.specs().count(), conversion.specs().count(), "{name}");

        let (model, taken, _) =
            weights::load_trunk(bytes, arch, 4, &Device::flex()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(taken, conversion.specs().count(), "{name}");

        let map = map_of(&model, arch, layer);
        let channels = map.dims()[1];
        let got: Vec<f32> = map.permute([0, 2, 3, 1]).into_data().iter::<f32>().collect();
        let (rows, want) = fixture.rows("features");
        let largest = want.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
        for (row, want) in rows.iter().zip(want.chunks_exact(channels)) {
            for (got, want) in got[row * channels..][..channels].iter().zip(want) {
                assert!((got - want).abs() < 1e-3 * largest, "{name} at {row}: {got}, wanted {want}");
            }
        }
        let sum: f64 = got.iter().map(|value| f64::from(*value)).sum();
        let fact = |what: &str| fixture.fact(&format!("/features/{what}")).as_f64().expect("a number");
        assert!((sum - fact("sum")).abs() < 1e-3 * fact("abs_sum"), "{name}: a sum of {sum}");
    }
}

#[test]
fn a_trunk_that_is_shallower_or_deeper_is_another_one() {
    let fixture = Fixture::open("torchvision-resnet34");
    let plan = |bytes: Vec<u8>| {
        let file = TensorFile::open(Box::new(bytes)).expect("the file is whole");
        Conversion::new(file, &Options::default()).err().map(|error| error.to_string())
    };
    let shallower = plan(fixture.bytes("", |name| !name.starts_with("layer3.5")));
    assert!(shallower.is_some_and(|error| error.contains("layer3.5.conv1.weight")));
    // Stands for the further layers of a deeper network: our tensors under another name.
    let mut deeper = fixture.bytes("", |_| true);
    let end = 8 + u64::from_le_bytes(deeper[..8].try_into().expect("eight bytes")) as usize;
    let header = String::from_utf8(deeper[8..end].to_vec()).expect("JSON").replace("layer4.2.conv1", "layer3.6.conv1");
    deeper[8..end].copy_from_slice(header.as_bytes());
    let error = plan(deeper).expect("it is refused");
    assert!(error.contains("deeper") && error.contains("layer3.6.conv1.weight"), "{error}");
}
