//! The shaders as text: each is valid WGSL as the GPU gets it, keeps the limits that every WebGPU device grants, and
//! agrees with Rust about bindings, structs and constants. No GPU is needed.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::offset_of;

use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, Handle, Module, StorageAccess, Type, TypeInner};
use ssd_gpu::kernel::{Kernel, Precision, SHADERS};
use ssd_gpu::layout;
use ssd_gpu::network::{Tile, depthwise_constants};
use ssd_tests::workspace_root;

/// Every kernel as a device may get it: each shader as it lies on disk and, where its numbers have a type, in 16 bits;
/// conv with each tile, depthwise with each window.
fn kernels() -> Vec<Kernel> {
    let mut kernels: Vec<Kernel> = SHADERS.iter().map(|shader| Kernel::plain(shader)).collect();
    for tile in [Tile::SMALL, Tile::MEDIUM, Tile::LARGE] {
        let convs = SHADERS.iter().filter(|shader| shader.parts.last() == SHADERS[1].parts.last());
        kernels.extend(convs.map(|shader| Kernel { constants: tile.constants(), ..Kernel::plain(shader) }));
    }
    for (kernel, stride) in [(1, 1), (3, 1), (3, 2), (5, 1), (5, 2)] {
        let constants = depthwise_constants(kernel, stride);
        let depthwise = SHADERS.iter().filter(|shader| shader.name == "depthwise");
        kernels.extend(depthwise.map(|shader| Kernel { constants: constants.clone(), ..Kernel::plain(shader) }));
    }
    let half = kernels.iter().filter(|kernel| kernel.shader.stored).cloned();
    let half: Vec<Kernel> = half.map(|kernel| Kernel { precision: Precision::Half, ..kernel }).collect();
    kernels.extend(half);
    kernels
}

fn parse(kernel: &Kernel) -> Result<(Module, ModuleInfo), String> {
    let source = kernel.source();
    let module = naga::front::wgsl::parse_str(&source).map_err(|err| err.emit_to_string(&source))?;
    let mut validator = Validator::new(ValidationFlags::all(), Capabilities::SHADER_FLOAT16);
    let info = validator.validate(&module).map_err(|err| err.emit_to_string(&source))?;
    Ok((module, info))
}

/// All kernels, parsed; one that is not valid fails the test that asked, with the place in its source.
fn parsed() -> Vec<(Kernel, Module, ModuleInfo)> {
    let (good, bad): (Vec<_>, Vec<_>) =
        kernels().into_iter().map(|kernel| (parse(&kernel), kernel)).partition(|(parsed, _)| parsed.is_ok());
    let errors: Vec<String> =
        bad.into_iter().filter_map(|(err, kernel)| Some(format!("{}: {}", kernel.shader.name, err.err()?))).collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
    good.into_iter().filter_map(|(parsed, kernel)| parsed.ok().map(|(module, info)| (kernel, module, info))).collect()
}

#[test]
fn every_shader_is_valid_wgsl() {
    assert_eq!(parsed().len(), kernels().len());
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
            let used = kernels().iter().any(|kernel| kernel.constants.is_empty() && kernel.source().contains(&text));
            if !used {
                orphans.push(path.clone());
            }
            names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    assert!(orphans.is_empty(), "in no row of ssd_gpu::kernel::SHADERS: {orphans:?}");
    // What several stages share says behind its name where its sums go.
    let file = |name: &str| name.trim_end_matches("_heads").trim_end_matches("_parts").to_owned();
    assert!(SHADERS.iter().all(|shader| names.contains(&file(shader.name))), "a stage and its file have one name");
}

#[test]
fn every_shader_fits_every_device() {
    for (Kernel { shader, .. }, module, _) in parsed() {
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

/// The host binds by number, and makes the layout from what `main` uses: `info` first, what is only read is read-only
/// (so that a device may cache it), and no binding is declared for nothing.
#[test]
fn every_binding_is_what_the_host_binds() {
    let expected = [
        ("preprocess", "info picture input!"),
        ("conv", "info input weights shift residual output!"),
        ("conv_heads", "info input weights shift predictions!"),
        ("conv_parts", "info input weights parts!"),
        ("conv_plain", "info input weights shift residual output!"),
        ("conv_plain_heads", "info input weights shift predictions!"),
        ("conv_plain_parts", "info input weights parts!"),
        ("conv_sum", "info parts _ shift residual output!"),
        ("conv_sum_heads", "info parts _ shift predictions!"),
        ("depthwise", "info input weights shift output!"),
        ("max_pool", "info input output!"),
        ("average", "info input output!"),
        ("scale", "info input factors output!"),
        ("l2norm", "info input scale output!"),
        ("winograd_input", "info input planes!"),
        ("winograd_weights", "info raw planes!"),
        ("winograd_output", "info planes shift residual output!"),
        ("decode", "info predictions priors scores! boxes!"),
        ("topk", "info scores candidates! counts!"),
        ("nms", "info candidates counts boxes kept!"),
        ("soft_nms", "info candidates counts boxes kept!"),
        ("gather", "info kept counts boxes headers! records!"),
        ("peak_fma", "info output!"),
        ("peak_copy", "info input output!"),
    ];
    let names: Vec<&str> = SHADERS.iter().map(|shader| shader.name).collect();
    assert_eq!(names, expected.map(|(name, _)| name));
    for (Kernel { shader, .. }, module, info) in parsed() {
        let name = shader.name;
        let [entry] = module.entry_points.as_slice() else { panic!("{name} has one entry point") };
        assert_eq!(entry.name, "main");
        let mut bound = BTreeMap::new();
        for (handle, variable) in module.global_variables.iter() {
            let Some(binding) = variable.binding else { continue };
            assert_eq!(binding.group, 0, "{name}");
            assert!(!info.get_entry_point(0)[handle].is_empty(), "{name} does not use {:?}", variable.name);
            let written = match variable.space {
                AddressSpace::Storage { access } if access.contains(StorageAccess::STORE) => "!",
                AddressSpace::Uniform => {
                    assert_eq!(binding.binding, 0, "{name}: info comes first");
                    ""
                }
                _ => "",
            };
            bound.insert(binding.binding, format!("{}{written}", variable.name.as_deref().unwrap_or_default()));
        }
        let last = bound.keys().last().copied().unwrap_or_default();
        let list: Vec<&str> = (0..=last).map(|binding| bound.get(&binding).map_or("_", String::as_str)).collect();
        let want = expected.iter().find(|(expected, _)| *expected == name).map(|(_, bindings)| *bindings);
        assert_eq!(Some(list.join(" ").as_str()), want, "{name}");
    }
}

/// An array in a function would leave the registers where its index is not known to the compiler.
#[test]
fn no_function_has_an_array() {
    for (Kernel { shader, .. }, module, _) in parsed() {
        let functions = module.functions.iter().map(|(_, f)| f).chain(module.entry_points.iter().map(|e| &e.function));
        for (_, variable) in functions.flat_map(|function| function.local_variables.iter()) {
            let array = matches!(module.types[variable.ty].inner, TypeInner::Array { .. });
            assert!(!array, "{}: {:?}", shader.name, variable.name);
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
    let layer = rust_layout!(layout::LayerInfo: height_in width_in quads_in height_out width_out rows quads_out columns kernel stride padding dilation activation weights_stride slices parts input_plane weights_plane first_tile tiles tiles_y tiles_x prior_base priors offset_columns logits_start classes reserved);
    let infos = [
        ("preprocess", rust_layout!(layout::PreprocessInfo: width height size image mean deviation)),
        (
            "decode",
            rust_layout!(layout::DecodeInfo: priors classes center_variance size_variance size_exponent_max magnitude_max_bits logits_start reserved),
        ),
        ("topk", rust_layout!(layout::TopkInfo: priors top_k floor_bits rows enabled)),
        ("nms", rust_layout!(layout::NmsInfo: iou max rows priors)),
        ("soft_nms", rust_layout!(layout::SoftNmsInfo: floor_bits max sigma rows priors reserved0 reserved1 reserved2)),
        ("gather", rust_layout!(layout::GatherInfo: rows max floor_bits priors)),
        ("peak_fma", rust_layout!(layout::PeakFmaInfo: factor addend never reserved)),
        ("peak_copy", rust_layout!(layout::PeakCopyInfo: quads threads reserved0 reserved1)),
    ];
    let candidate = rust_layout!(layout::Candidate: score_bits prior);
    let mut candidates = 0;
    for (Kernel { shader, .. }, module, _) in &parsed() {
        let special = infos.iter().find(|(name, _)| *name == shader.name).map(|(_, info)| info);
        let info = special.unwrap_or(&layer);
        assert_eq!(info.0 % 16, 0, "{}: the size of a uniform", shader.name);
        assert_eq!(wgsl_layout(module, "Info").as_ref(), Some(info), "{}", shader.name);
        if let Some(layout) = wgsl_layout(module, "Candidate") {
            assert_eq!(layout, candidate, "{}", shader.name);
            candidates += 1;
        }
    }
    assert_eq!(candidates, 4, "topk, nms, soft_nms, gather");
}

#[test]
fn what_is_read_back_is_the_same_on_both_sides() {
    let gather = parsed().into_iter().find(|(kernel, ..)| kernel.shader.name == "gather");
    let (_, module, _) = gather.expect("the table has a gather");
    let record = rust_layout!(layout::Record: x1 y1 x2 y2 score_bits class_id prior);
    assert_eq!(wgsl_layout(&module, "Record"), Some(record));
    let header = rust_layout!(layout::Header: count candidates reserved0 reserved1);
    assert_eq!(wgsl_layout(&module, "Header"), Some(header));
    let stride = |name: &str| {
        let element = wgsl_type(&module, name).map(|(handle, _)| handle);
        module.types.iter().find_map(|(_, ty)| match ty.inner {
            TypeInner::Array { base, stride, .. } if Some(base) == element => Some(stride),
            _ => None,
        })
    };
    assert_eq!(stride("Record"), Some(size_of::<layout::Record>() as u32));
    assert_eq!(stride("Header"), Some(size_of::<layout::Header>() as u32));
}

/// The host counts workgroups by these.
#[test]
fn constants_are_the_same_on_both_sides() {
    let threads = |name: &str| match name {
        "average" | "topk" | "nms" | "soft_nms" | "gather" | "peak_fma" | "peak_copy" => 256,
        _ => 64,
    };
    let mut seen = 0;
    for (kernel, module, _) in parsed() {
        let shader = kernel.shader;
        if kernel.constants.is_empty() {
            assert_eq!(module.entry_points[0].workgroup_size, [threads(shader.name), 1, 1], "{}", shader.name);
        }
        for (_, constant) in module.constants.iter() {
            let want = match constant.name.as_deref() {
                Some("SLOTS") => ssd::postprocess::SLOTS as u32,
                Some("ITEMS_MAX") => layout::PRIORS_MAX as u32 - 1,
                Some("ONE_BITS") => 1.0f32.to_bits(),
                _ => continue,
            };
            let naga::Expression::Literal(value) = module.global_expressions[constant.init] else {
                panic!("{}: {:?} is no plain number", shader.name, constant.name)
            };
            assert_eq!(value, naga::Literal::U32(want), "{}: {:?}", shader.name, constant.name);
            seen += 1;
        }
    }
    assert_eq!(seen, 4 + 2 * 2, "SLOTS in four shaders, ITEMS_MAX and ONE_BITS in two");
}
