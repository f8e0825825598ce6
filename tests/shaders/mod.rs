//! The shaders as text: every variant is valid WGSL as the GPU gets it, keeps the limits that all WebGPU devices grant,
//! and declares what `build.rs` read from the text on disk. No GPU is needed.

use std::collections::BTreeSet;

use naga::valid::{Capabilities, GlobalUse, ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, Module, StorageAccess, TypeInner};
use ssd_gpu::kernel::{Kernel, Precision, TABLE};
use ssd_gpu::network::{Tile, depthwise_constants};
use ssd_gpu::wgsl::{CONV, DEPTHWISE, SHADERS};
use ssd_tests::workspace_root;

/// Every kernel as a device may get it: each shader as it lies on disk, conv with each tile, depthwise with each
/// window, with a residual where one can be added; and all of it in 16 bits where its numbers have a type.
fn kernels() -> Vec<Kernel> {
    let mut kernels: Vec<Kernel> = SHADERS.iter().map(|shader| Kernel::plain(shader)).collect();
    for tile in [Tile::SMALL, Tile::MEDIUM, Tile::LARGE] {
        let convs = SHADERS.iter().filter(|shader| shader.file() == CONV.file());
        kernels.extend(convs.map(|shader| Kernel { constants: tile.constants(), ..Kernel::plain(shader) }));
    }
    for (kernel, stride) in [(1, 1), (3, 1), (3, 2), (5, 1), (5, 2)] {
        kernels.push(Kernel { constants: depthwise_constants(kernel, stride), ..Kernel::plain(&DEPTHWISE) });
    }
    let adds = SHADERS.iter().filter(|shader| shader.files.iter().any(|file| file.text.contains("const RESIDUAL")));
    kernels.extend(adds.map(|shader| Kernel { constants: vec![("RESIDUAL", 1)], ..Kernel::plain(shader) }));
    let half = kernels.iter().filter(|kernel| kernel.shader.stored).cloned();
    let half: Vec<Kernel> = half.map(|kernel| Kernel { precision: Precision::Half, ..kernel }).collect();
    kernels.extend(half);
    kernels
}

fn parse(kernel: Kernel) -> (Kernel, Module, ModuleInfo) {
    let (source, name) = (kernel.source(), kernel.shader.name);
    let parsed = naga::front::wgsl::parse_str(&source).map_err(|err| err.emit_to_string(&source));
    let module = parsed.unwrap_or_else(|err| panic!("{name}: {err}"));
    let mut validator = Validator::new(ValidationFlags::all(), Capabilities::SHADER_FLOAT16);
    let valid = validator.validate(&module).map_err(|err| err.emit_to_string(&source));
    let info = valid.unwrap_or_else(|err| panic!("{name}: {err}"));
    (kernel, module, info)
}

/// All kernels, parsed; an invalid one fails the test that asked, with the place in its source.
fn parsed() -> Vec<(Kernel, Module, ModuleInfo)> {
    kernels().into_iter().map(parse).collect()
}

#[test]
fn every_shader_is_valid_wgsl() {
    assert_eq!(parsed().len(), kernels().len());
}

#[test]
fn every_file_belongs_to_a_kernel() {
    let named = TABLE.iter().flat_map(|row| row.files).map(|file| file.name);
    let used: BTreeSet<String> = named.chain(["common/single", "common/half"]).map(str::to_owned).collect();
    let folder = workspace_root().join("shaders");
    let mut found: BTreeSet<String> = BTreeSet::new();
    for below in ["", "common/"] {
        for entry in std::fs::read_dir(folder.join(below)).expect("the folder is part of the project").flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            found.extend(name.strip_suffix(".wgsl").map(|stem| format!("{below}{stem}")));
        }
    }
    assert_eq!(found, used, "the folder, and ssd_gpu::kernel::TABLE");
    // Where one file makes several kernels, their names go on with where their sums go.
    assert!(SHADERS.iter().all(|shader| shader.name.starts_with(shader.file().name)), "a kernel has its file's name");
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

/// The host makes the layout from what `main` uses: `info` comes first, what is only read is read-only (so that a
/// device may cache it), and no binding is declared for nothing.
#[test]
fn every_binding_is_used_for_what_it_is_declared() {
    for (Kernel { shader, .. }, module, info) in parsed() {
        let name = shader.name;
        assert_eq!(module.entry_points[0].name, "main", "{name}");
        let mut bindings = Vec::new();
        for (handle, variable) in module.global_variables.iter() {
            let Some(binding) = &variable.binding else { continue };
            assert_eq!(binding.group, 0, "{name}");
            let usage = info.get_entry_point(0)[handle];
            assert!(!usage.is_empty(), "{name} does not use {:?}", variable.name);
            if let AddressSpace::Storage { access } = variable.space {
                let written = usage.contains(GlobalUse::WRITE);
                assert_eq!(access.contains(StorageAccess::STORE), written, "{name}: {:?}", variable.name);
            }
            if binding.binding == 0 {
                assert_eq!((variable.space, variable.name.as_deref()), (AddressSpace::Uniform, Some("info")), "{name}");
                let bytes = module.types[variable.ty].inner.size(module.to_ctx());
                assert_eq!(bytes as usize, shader.info_bytes, "{name}");
            } else {
                bindings.push(binding.binding);
            }
        }
        bindings.sort_unstable();
        assert_eq!(bindings, shader.bindings, "{name}");
    }
}

/// The host counts workgroups by the threads on disk, and those of a tile by its rows and columns.
#[test]
fn no_choice_of_the_host_changes_the_threads_but_that_of_a_tile() {
    for (kernel, module, _) in parsed() {
        let tile = [Tile::SMALL, Tile::MEDIUM, Tile::LARGE].into_iter().find(|t| t.constants() == kernel.constants);
        let threads = tile.map_or(kernel.shader.threads, |tile| tile.threads());
        assert_eq!(module.entry_points[0].workgroup_size, [threads as u32, 1, 1], "{}", kernel.shader.name);
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
