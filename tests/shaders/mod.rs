//! The shaders as text: each is valid WGSL as the GPU gets it, keeps the limits that every WebGPU device grants, and agrees
//! with Rust about bindings, structs and constants. No GPU is needed.

use std::collections::BTreeSet;
use std::mem::offset_of;

use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, Handle, Module, StorageAccess, Type, TypeInner};
use ssd_gpu::kernel::{SHADERS, Shader};
use ssd_gpu::layout;
use ssd_tests::workspace_root;

fn parse(shader: &Shader) -> Result<(Module, ModuleInfo), String> {
    let source = shader.source();
    let module = naga::front::wgsl::parse_str(&source).map_err(|err| err.emit_to_string(&source))?;
    let mut validator = Validator::new(ValidationFlags::all(), Capabilities::empty());
    let info = validator.validate(&module).map_err(|err| err.emit_to_string(&source))?;
    Ok((module, info))
}

/// All shaders, parsed; a shader that is not valid fails the test that asked, with the place in its source.
fn parsed() -> Vec<(&'static Shader, Module, ModuleInfo)> {
    let (good, bad): (Vec<_>, Vec<_>) =
        SHADERS.iter().map(|shader| (*shader, parse(shader))).partition(|s| s.1.is_ok());
    let errors: Vec<String> =
        bad.into_iter().filter_map(|(shader, err)| Some(format!("{}: {}", shader.name, err.err()?))).collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
    good.into_iter().filter_map(|(shader, parsed)| parsed.ok().map(|(module, info)| (shader, module, info))).collect()
}

#[test]
fn every_shader_is_valid_wgsl() {
    assert_eq!(parsed().len(), SHADERS.len());
}

#[test]
fn every_file_belongs_to_a_shader() {
    let folder = workspace_root().join("shaders");
    let mut orphans = Vec::new();
    let mut names = BTreeSet::new();
    for folder in [folder.join("common"), folder] {
        for entry in std::fs::read_dir(&folder).expect("the folder is part of the project").flatten() {
            let path = entry.path();
            if path.extension().is_none_or(|extension| extension != "wgsl") {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a shader is text");
            if !SHADERS.iter().any(|shader| shader.parts.contains(&text.as_str())) {
                orphans.push(path.clone());
            }
            names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    assert!(orphans.is_empty(), "in no row of ssd_gpu::kernel::SHADERS: {orphans:?}");
    assert!(SHADERS.iter().all(|shader| names.contains(shader.name)), "a stage and its file have one name");
}

#[test]
fn every_shader_fits_every_device() {
    for (shader, module, _) in parsed() {
        let threads: u32 = module.entry_points[0].workgroup_size.iter().product();
        assert!(threads <= 256, "{} has {threads} threads in a workgroup", shader.name);
        let spaces =
            |wanted: fn(&AddressSpace) -> bool| module.global_variables.iter().filter(move |(_, v)| wanted(&v.space));
        let bytes: u32 = spaces(|space| *space == AddressSpace::WorkGroup)
            .map(|(_, variable)| module.types[variable.ty].inner.size(module.to_ctx()))
            .sum();
        assert!(bytes <= 16 * 1024, "{} has {bytes} bytes of workgroup memory", shader.name);
        let storage = spaces(|space| matches!(space, AddressSpace::Storage { .. })).count();
        assert!(storage <= 8, "{} has {storage} storage buffers", shader.name);
    }
}

/// Burn binds the buffers from 0 on and the info words last, makes the layout from what `main` uses, and keeps many tensors
/// in one wgpu buffer, which cannot be bound read-only and writable at once.
#[test]
fn every_shader_can_be_launched_by_burn() {
    let expected = [
        ("pointwise", "input weights shift output info"),
        ("depthwise", "input weights shift output info"),
        ("conv", "input weights shift output info"),
        ("decode", "offsets logits priors scores boxes info"),
        ("topk", "scores candidates counts info"),
        ("nms", "candidates counts boxes kept info"),
        ("soft_nms", "candidates counts boxes kept info"),
        ("gather", "kept counts boxes gathered info"),
    ];
    for ((shader, module, info), (name, bindings)) in parsed().into_iter().zip(expected) {
        assert_eq!(shader.name, name);
        let [entry] = module.entry_points.as_slice() else { panic!("{name} has one entry point") };
        assert_eq!(entry.name, "main");
        assert_eq!(entry.workgroup_size, [shader.threads, 1, 1], "{name}");

        let mut bound: Vec<_> = module.global_variables.iter().filter_map(|(h, v)| Some((v.binding?, h, v))).collect();
        bound.sort_by_key(|(binding, ..)| binding.binding);
        let names: Vec<&str> = bound.iter().filter_map(|(.., v)| v.name.as_deref()).collect();
        assert_eq!(names.join(" "), bindings, "{name}");
        for (i, (binding, handle, variable)) in bound.iter().enumerate() {
            assert_eq!((binding.group, binding.binding as usize), (0, i), "{name}");
            assert!(!info.get_entry_point(0)[*handle].is_empty(), "{name} does not use {:?}", variable.name);
            let last = i + 1 == bound.len();
            let writable = AddressSpace::Storage { access: StorageAccess::LOAD | StorageAccess::STORE };
            assert_eq!(
                variable.space,
                if last { AddressSpace::Uniform } else { writable },
                "{name} {:?}",
                variable.name
            );
        }
    }
}

/// Size of a struct, and name and offset of its fields.
type Layout = (u32, Vec<(String, u32)>);

macro_rules! rust_layout {
    ($type:ty: $($field:ident)*) => {
        (size_of::<$type>() as u32, vec![$((stringify!($field).to_string(), offset_of!($type, $field) as u32)),*])
    };
}

fn wgsl_type<'a>(module: &'a Module, name: &str) -> Option<(Handle<Type>, &'a Type)> {
    module.types.iter().find(|(_, ty)| ty.name.as_deref() == Some(name))
}

fn wgsl_layout(module: &Module, name: &str) -> Option<Layout> {
    let TypeInner::Struct { members, span } = &wgsl_type(module, name)?.1.inner else { return None };
    Some((*span, members.iter().map(|m| (m.name.clone().unwrap_or_default(), m.offset)).collect()))
}

#[test]
fn structs_are_the_same_on_both_sides() {
    let convolution = rust_layout!(layout::ConvInfo: channels_in channels_out height_in width_in height_out width_out kernel stride padding dilation activation reserved);
    let infos = [
        convolution.clone(),
        convolution.clone(),
        convolution,
        rust_layout!(layout::DecodeInfo: priors classes center_variance size_variance size_exponent_max magnitude_max_bits reserved0 reserved1),
        rust_layout!(layout::TopkInfo: priors top_k floor_bits reserved enabled),
        rust_layout!(layout::NmsInfo: iou max reserved0 reserved1),
        rust_layout!(layout::SoftNmsInfo: floor_bits max sigma reserved),
        rust_layout!(layout::GatherInfo: rows max floor_bits reserved),
    ];
    let candidate = rust_layout!(layout::Candidate: score_bits prior);
    for ((shader, module, _), info) in parsed().iter().zip(infos) {
        assert_eq!(info.0 % 16, 0, "{}: the size of a uniform", shader.name);
        assert_eq!(wgsl_layout(module, "Info"), Some(info), "{}", shader.name);
        if !["pointwise", "depthwise", "conv", "decode"].contains(&shader.name) {
            assert_eq!(wgsl_layout(module, "Candidate"), Some(candidate.clone()), "{}", shader.name);
        }
    }
}

#[test]
fn the_buffer_that_is_read_back_is_the_same_on_both_sides() {
    let gather = parsed().into_iter().find(|(shader, ..)| shader.name == "gather");
    let (_, module, _) = gather.expect("the table has a gather");
    let record = rust_layout!(layout::Record: x1 y1 x2 y2 score_bits class_id prior);
    assert_eq!(wgsl_layout(&module, "Record"), Some(record));

    let (header_size, mut fields) = rust_layout!(layout::Header: count candidates reserved0 reserved1);
    fields.push(("records".to_string(), header_size));
    assert_eq!(wgsl_layout(&module, "Gathered").map(|layout| layout.1), Some(fields));
    let strides: Vec<u32> = module
        .types
        .iter()
        .filter_map(|(_, ty)| match ty.inner {
            TypeInner::Array { base, stride, .. } if Some(base) == wgsl_type(&module, "Record").map(|(h, _)| h) => {
                Some(stride)
            }
            _ => None,
        })
        .collect();
    assert_eq!(strides, [size_of::<layout::Record>() as u32]);
}

#[test]
fn constants_are_the_same_on_both_sides() {
    let mut seen = 0;
    for (shader, module, _) in parsed() {
        for (_, constant) in module.constants.iter() {
            let want = match constant.name.as_deref() {
                Some("SLOTS") => ssd::postprocess::SLOTS as u32,
                Some("ITEMS_MAX") => layout::PRIORS_MAX as u32 - 1,
                Some("ONE_BITS") => 1.0f32.to_bits(),
                Some("THREADS") => shader.threads,
                _ => continue,
            };
            let naga::Expression::Literal(value) = module.global_expressions[constant.init] else {
                panic!("{}: {:?} is no plain number", shader.name, constant.name)
            };
            assert_eq!(value, naga::Literal::U32(want), "{}: {:?}", shader.name, constant.name);
            seen += 1;
        }
    }
    assert_eq!(seen, 4 * 2 + 2 * 2, "SLOTS and THREADS in four shaders, ITEMS_MAX and ONE_BITS in two");
}
