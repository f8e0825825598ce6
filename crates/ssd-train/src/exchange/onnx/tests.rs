#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
//! The file is read back and run here, operator by operator, with Burn's functions: it must say what the model says.

use std::collections::HashMap;

use burn::tensor::ops::{ConvOptions, MaxPoolOptions};
use burn::tensor::{Distribution, Tensor, TensorData, module};
use ssd::model::{BurnSteps, ConvUnit, ConvUnitConfig, Steps};
use ssd_cpu::{Activation, Padding, Pool};

use super::proto::{GraphProto, INT64, NodeProto, TensorProto};
use super::*;

fn exported(arch: Arch, classes: usize) -> (Header, Ssd, ModelProto) {
    let (header, model) = untrained(arch, classes, 3);
    let file = ModelProto::decode(export(&header, &model).unwrap().as_slice()).unwrap();
    (header, model, file)
}

fn count(graph: &GraphProto, operator: &str) -> usize {
    graph.node.iter().filter(|node| node.op_type == operator).count()
}

fn dims(value: &ValueInfoProto) -> Vec<i64> {
    let shape = value.r#type.as_ref().unwrap().tensor_type.as_ref().unwrap().shape.as_ref().unwrap();
    shape.dim.iter().map(|dim| dim.dim_value.unwrap()).collect()
}

fn numbers(tensor: &TensorProto) -> Vec<f32> {
    assert_eq!(tensor.data_type, FLOAT);
    tensor.raw_data.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect()
}

fn integers(tensor: &TensorProto) -> Vec<i64> {
    assert_eq!(tensor.data_type, INT64);
    tensor.raw_data.chunks_exact(8).map(|bytes| i64::from_le_bytes(bytes.try_into().unwrap())).collect()
}

fn initializer<'a>(graph: &'a GraphProto, name: &str) -> &'a TensorProto {
    graph.initializer.iter().find(|tensor| tensor.name == name).unwrap()
}

#[test]
fn the_file_holds_the_papers_network() {
    let (header, model, file) = exported(Arch::Ssd300Vgg16, 20);
    assert_eq!((file.ir_version, file.opset_import[0].version), (8, 17));
    assert_eq!(file.metadata_props[0].value, serde_json::to_string(&header).unwrap());
    let graph = file.graph.unwrap();
    // 13 + fc6 and fc7 + 8 extras, all with ReLU, then six pairs of heads without.
    let operators = ["Conv", "Relu", "MaxPool", "ReduceSumSquare", "Transpose", "Reshape", "Concat"];
    assert_eq!(operators.map(|operator| count(&graph, operator)), [35, 23, 5, 1, 12, 12, 2]);
    assert_eq!(dims(&graph.input[0]), [1, 3, 300, 300]);
    assert_eq!(graph.output.iter().map(dims).collect::<Vec<_>>(), [[1, 8732, 4], [1, 8732, 21]]);
    let weight = initializer(&graph, "fc6.weight");
    assert_eq!(weight.dims, [1024, 512, 3, 3]);
    let ssd::model::Backbone::Vgg16(vgg) = &model.backbone else { panic!("no VGG") };
    assert_eq!(numbers(weight), vgg.fc6.step().folded().0);
}

#[test]
fn a_value_is_made_once_and_before_it_is_read() {
    let (_, _, file) = exported(Arch::Ssd300MobileNetV2Lite, 6);
    let graph = file.graph.unwrap();
    let mut known: Vec<&str> = graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
    known.push("image");
    for node in &graph.node {
        assert!(node.input.iter().all(|name| known.contains(&name.as_str())), "{} reads too early", node.name);
        assert!(!known.contains(&node.output[0].as_str()), "{} is made twice", node.name);
        known.push(&node.output[0]);
    }
    assert!(graph.output.iter().all(|output| known.contains(&output.name.as_str())));
    assert_eq!(count(&graph, "Add"), 10, "MobileNetV2 has ten residuals");
}

// Operators of MobileNetV3's paper, table 1: eight gated blocks; hard-swish behind the stem, twice in each of nine
// blocks, behind the last convolution.
#[test]
fn the_gated_networks_operators_are_the_papers() {
    let (_, _, file) = exported(Arch::SsdLite320MobileNetV3Large, 3);
    let graph = file.graph.unwrap();
    let operators = ["GlobalAveragePool", "HardSigmoid", "HardSwish", "Mul"];
    assert_eq!(operators.map(|operator| count(&graph, operator)), [8, 8, 20, 8]);
    let gate = graph.node.iter().find(|node| node.op_type == "HardSigmoid").unwrap();
    let slope: Vec<(&str, Option<f32>)> = gate.attribute.iter().map(|a| (a.name.as_str(), a.f)).collect();
    assert_eq!(slope, [("alpha", Some(1.0 / 6.0)), ("beta", Some(0.5))]);
}

#[test]
fn the_file_says_what_the_model_says() {
    let archs =
        [Arch::Ssd300Vgg16, Arch::Ssd300ResNet34, Arch::Ssd300MobileNetV2Lite, Arch::SsdLite320MobileNetV3Large];
    for arch in archs {
        let (header, model, file) = exported(arch, 3);
        let image = Tensor::random(
            [1, 3, header.input_size, header.input_size],
            Distribution::Uniform(-1.0, 1.0),
            &Device::flex(),
        );
        let wanted = model.forward(image.clone());
        let mut values = run(&file.graph.unwrap(), image);
        for (name, wanted, width) in [("offsets", wanted.offsets, 4), ("logits", wanted.logits, 4)] {
            let found = values.remove(name).unwrap();
            assert_eq!(found.dims(), [1, 1, header.priors.len(), width], "{arch} {name}");
            let wanted = wanted.unsqueeze::<4>();
            let scale = wanted.clone().abs().max().into_scalar::<f32>();
            let worst = (found - wanted).abs().max().into_scalar::<f32>();
            assert!(worst < 1e-4 * scale, "{arch} {name}: {worst} of {scale}");
        }
    }
}

/// Squeeze and excitation, then a block with a residual, by whatever does them.
fn gated<S: Steps>(steps: &mut S, units: &[ConvUnit; 4], x: S::Map) -> S::Map
where
    S::Map: Clone,
{
    let x = steps.convolve(format_args!("widen"), &units[0].step(), x);
    let mean = steps.average(format_args!("mean"), x.clone());
    let squeezed = steps.convolve(format_args!("squeeze"), &units[1].step(), mean);
    let gate = steps.convolve(format_args!("gate"), &units[2].step(), squeezed);
    let scaled = steps.scale(format_args!("scaled"), x.clone(), gate);
    steps.convolve_onto(format_args!("block"), &units[3].step(), scaled, x)
}

#[test]
fn gates_and_activations_after_a_residual_are_what_burn_says() {
    let device = Device::flex();
    device.seed(5);
    let unit = |channels: [usize; 2], kernel: usize, activation| {
        ConvUnitConfig::new(channels[0], channels[1], kernel).activation(activation).init(&device)
    };
    let units = [
        unit([3, 8], 3, Activation::HardSwish),
        unit([8, 4], 1, Activation::Relu),
        unit([4, 8], 1, Activation::HardSigmoid),
        unit([8, 8], 3, Activation::Relu),
    ];
    let image = Tensor::random([1, 3, 9, 7], Distribution::Uniform(-4.0, 4.0), &device);
    let wanted = gated(&mut BurnSteps::default(), &units, image.clone());
    let mut writer = GraphWriter::default();
    let out = gated(&mut writer, &units, Map { name: "image".to_owned(), dims: image.dims() });
    assert_eq!((out.name.as_str(), out.dims), ("block", wanted.dims()));
    let graph = writer.finish("offsets", "logits");
    let nodes = graph.node.len() - 2; // without the rows of priors, of which there are none
    let found = run(&GraphProto { node: graph.node[..nodes].to_vec(), ..graph }, image).remove("block").unwrap();
    let worst = (found - wanted.clone()).abs().max().into_scalar::<f32>();
    assert!(worst < 1e-5, "{worst}");
    assert!(wanted.min().into_scalar::<f32>() == 0.0, "the activation comes after the residual");
}

#[test]
fn uneven_padding_is_what_burn_computes() {
    let device = Device::flex();
    device.seed(6);
    let padding = Padding { before: [0, 2], after: [1, 0] };
    let unit = ConvUnitConfig::new(3, 8, 3).stride(2).padding(padding).init(&device);
    let pool = Pool { kernel: 3, stride: 2, padding };
    let image = Tensor::random([1, 3, 10, 7], Distribution::Uniform(-4.0, 4.0), &device);
    let mut burn = BurnSteps::default();
    let wanted = burn.convolve(format_args!("conv"), &unit.step(), image.clone());
    let wanted = burn.max_pool(format_args!("pool"), &pool, wanted);
    let mut writer = GraphWriter::default();
    let out = writer.convolve(format_args!("conv"), &unit.step(), Map { name: "image".to_owned(), dims: image.dims() });
    let out = writer.max_pool(format_args!("pool"), &pool, out);
    assert_eq!((out.name.as_str(), out.dims), ("pool", wanted.dims()));
    let graph = writer.finish("offsets", "logits");
    let nodes = graph.node.len() - 2; // without the rows of priors, of which there are none
    let found = run(&GraphProto { node: graph.node[..nodes].to_vec(), ..graph }, image).remove("pool").unwrap();
    let worst = (found - wanted).abs().max().into_scalar::<f32>();
    assert!(worst < 1e-5, "{worst}");
}

/// All values of the graph. Rows of priors, three-dimensional in the file, have a 1 before them here.
fn run(graph: &GraphProto, image: Tensor<4>) -> HashMap<String, Tensor<4>> {
    let mut values = HashMap::from([("image".to_owned(), image)]);
    for node in &graph.node {
        let value = step(graph, node, &values);
        values.insert(node.output[0].clone(), value);
    }
    values
}

fn step(graph: &GraphProto, node: &NodeProto, values: &HashMap<String, Tensor<4>>) -> Tensor<4> {
    let value = |index: usize| values[&node.input[index]].clone();
    let constant = |index: usize| initializer(graph, &node.input[index]);
    let ints = |name: &str| -> Vec<usize> {
        let found = node.attribute.iter().find(|attribute| attribute.name == name).unwrap();
        found.ints.iter().chain(&found.i).map(|&int| int as usize).collect()
    };
    let float = |name: &str| node.attribute.iter().find(|attribute| attribute.name == name).unwrap().f.unwrap();
    let pair = |name: &str| <[usize; 2]>::try_from(ints(name)).unwrap();
    // All begins come before all ends.
    let padding = || {
        let pads = ints("pads");
        [(pads[0], pads[2]), (pads[1], pads[3])]
    };
    match node.op_type.as_str() {
        "Conv" => {
            let shape: Vec<usize> = constant(1).dims.iter().map(|dim| *dim as usize).collect();
            let (weights, shift) = (numbers(constant(1)), numbers(constant(2)));
            let options =
                ConvOptions::new_with_padding(pair("strides"), padding(), pair("dilations"), ints("group")[0]);
            let device = value(0).device();
            let bias = Tensor::<1>::from_data(TensorData::new(shift, [shape[0]]), &device);
            let weights = Tensor::<4>::from_data(TensorData::new(weights, shape), &device);
            module::conv2d(value(0), weights, Some(bias), options)
        }
        "MaxPool" => {
            let mut options = MaxPoolOptions::new(pair("kernel_shape"));
            options.stride = pair("strides");
            options.padding = padding();
            module::max_pool2d(value(0), options)
        }
        "Relu" => value(0).clamp_min(0.0),
        "Clip" => value(0).clamp(numbers(constant(1))[0], numbers(constant(2))[0]),
        "Add" if values.contains_key(&node.input[1]) => value(0) + value(1),
        "Add" => value(0) + numbers(constant(1))[0],
        "ReduceSumSquare" => value(0).square().sum_dim(ints("axes")[0]),
        "Sqrt" => value(0).sqrt(),
        "Div" => value(0) / value(1),
        "GlobalAveragePool" => value(0).mean_dims(&[2, 3]),
        "HardSigmoid" => (value(0) * float("alpha") + float("beta")).clamp(0.0, 1.0),
        "HardSwish" => value(0) * (value(0) / 6.0 + 0.5).clamp(0.0, 1.0),
        "Mul" if values.contains_key(&node.input[1]) => value(0) * value(1),
        "Mul" => {
            let scale = numbers(constant(1));
            let shape = [1, scale.len(), 1, 1];
            value(0) * Tensor::<4>::from_data(TensorData::new(scale, shape), &value(0).device())
        }
        "Transpose" => value(0).permute([0, 2, 3, 1]),
        "Reshape" => value(0).reshape([1, 1, -1, integers(constant(1))[2] as i32]),
        "Concat" => Tensor::cat((0..node.input.len()).map(value).collect(), 2),
        other => panic!("{other} is not an operator that the exporter writes"),
    }
}
