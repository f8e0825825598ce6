//! Reads the shaders with naga, and writes down for Rust what they declare: a `Shader` for each row of the table, the
//! structs of their buffers, their constants. `src/wgsl.rs` includes it.
//!
//! A shader that is not valid WGSL ends the build, with its file and line. The text is read as the files lie on disk;
//! what a launch may choose (`Kernel`) changes neither structs nor bindings, which `tests/shaders` checks.

#[allow(dead_code, reason = "the crate uses the rest")]
#[path = "src/kernel.rs"]
mod kernel;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::Path;

use kernel::{File, Precision, Row, TABLE, joined};
use naga::valid::{Capabilities, ValidationFlags, Validator};
use naga::{AddressSpace, ArraySize, Expression, Handle, Literal, Module, ScalarKind, SourceLocation, Type, TypeInner};

fn main() -> Result<(), Box<dyn Error>> {
    // A changed shader changes this program, since `kernel` includes it.
    println!("cargo::rerun-if-changed=build.rs");
    let mut declared = Declared::default();
    let mut errors = BTreeSet::new();
    for (index, row) in TABLE.iter().enumerate() {
        errors.extend(declared.read(index, row).err());
    }
    errors.iter().for_each(|error| println!("cargo::error={error}"));
    Ok(std::fs::write(Path::new(&std::env::var("OUT_DIR")?).join("wgsl.rs"), declared.rust())?)
}

/// What the shaders declare, as Rust items.
#[derive(Default)]
struct Declared {
    /// With their names, in the order of the table.
    shaders: Vec<(String, String)>,
    /// By name.
    structs: BTreeMap<String, String>,
    /// By file.
    constants: BTreeMap<&'static str, BTreeSet<String>>,
}

impl Declared {
    fn read(&mut self, index: usize, row: &'static Row) -> Result<(), String> {
        let stored = row.files.iter().any(|file| file.text.contains("Stored"));
        if stored {
            parse(&joined(row.files, Some(Precision::Half)).collect::<Vec<_>>())?;
        }
        let files: Vec<&'static File> = joined(row.files, stored.then_some(Precision::Single)).collect();
        let module = parse(&files)?;
        let error = |what: &str| format!("shaders/{}.wgsl: {what}", files[files.len() - 1].name);
        let [naga::EntryPoint { workgroup_size: [threads, 1, 1], .. }] = module.entry_points.as_slice() else {
            return Err(error("there is one entry point, and its workgroup has a size in x alone"));
        };
        let mut bindings = BTreeMap::new();
        for (_, variable) in module.global_variables.iter() {
            let Some(binding) = &variable.binding else { continue };
            let buffer = matches!(variable.space, AddressSpace::Uniform | AddressSpace::Storage { .. });
            let ty = buffer.then(|| self.rust_type(&module, &files, variable.ty)).transpose();
            bindings.insert(binding.binding, ty.map_err(|what| error(&what))?);
        }
        let Some(Some(info)) = bindings.remove(&0) else { return Err(error("binding 0 is `info`")) };
        self.read_constants(&module, &files);
        let (name, bindings) = (row.name.to_uppercase(), bindings.into_keys().collect::<Vec<u32>>());
        let item = format!(
            "#[doc = {:?}]\npub static {name}: Shader = Shader {{ name: {:?}, files: TABLE[{index}].files, stored: \
             {stored}, bindings: &{bindings:?}, info_bytes: size_of::<{info}>(), threads: {threads} }};\n",
            doc(&files),
            row.name,
        );
        self.shaders.push((name, item));
        Ok(())
    }

    /// The type of a variable in a buffer; of an array without a length, the type of its elements.
    fn rust_type(&mut self, module: &Module, files: &[&'static File], ty: Handle<Type>) -> Result<String, String> {
        let Type { name, inner } = &module.types[ty];
        Ok(match inner {
            TypeInner::Scalar(scalar) | TypeInner::Atomic(scalar) if scalar.width == 4 => match scalar.kind {
                ScalarKind::Uint => "u32".into(),
                ScalarKind::Sint => "i32".into(),
                ScalarKind::Float => "f32".into(),
                _ => return Err(format!("a buffer has no Rust type for {scalar:?}")),
            },
            TypeInner::Vector { size, scalar } if *scalar == naga::Scalar::F32 => format!("[f32; {}]", *size as u32),
            TypeInner::Vector { size, scalar } if *scalar == naga::Scalar::U32 => format!("[u32; {}]", *size as u32),
            TypeInner::Array { base, size: ArraySize::Constant(count), .. } => {
                format!("[{}; {count}]", self.rust_type(module, files, *base)?)
            }
            TypeInner::Array { base, .. } => self.rust_type(module, files, *base)?,
            TypeInner::Struct { members, span } => {
                let name = name.clone().unwrap_or_default();
                let (mut fields, mut layout) = (String::new(), format!("size_of::<{name}>() == {span}"));
                for member in members {
                    let field = member.name.as_deref().unwrap_or_default();
                    fields += &format!("pub(crate) {field}: {}, ", self.rust_type(module, files, member.ty)?);
                    layout += &format!(" && offset_of!({name}, {field}) == {}", member.offset);
                }
                let from = declaring(files, &format!("struct {name} {{"));
                let item = format!(
                    "/// `{name}` of `shaders/{from}.wgsl`.\n#[repr(C)]\n\
                     #[derive(Debug, Clone, Copy, Default, PartialEq, Pod, Zeroable)]\n\
                     pub(crate) struct {name} {{ {fields}}}\n\
                     const _: () = assert!({layout}, \"shaders/{from}.wgsl: order the fields of {name} so that WGSL \
                     leaves no gap\");\n"
                );
                self.structs.insert(name.clone(), item);
                name
            }
            _ => return Err(format!("a buffer has no Rust type for {inner:?}")),
        })
    }

    /// Those that are a number.
    fn read_constants(&mut self, module: &Module, files: &[&'static File]) {
        for (_, constant) in module.constants.iter() {
            let Some(name) = &constant.name else { continue };
            let value = match module.global_expressions[constant.init] {
                Expression::Literal(Literal::U32(value)) => format!("u32 = {value}"),
                Expression::Literal(Literal::I32(value)) => format!("i32 = {value}"),
                // Its bits: clippy objects to a constant of mathematics that is written as a number.
                Expression::Literal(Literal::F32(value)) => format!("f32 = f32::from_bits({})", value.to_bits()),
                _ => continue,
            };
            let file = declaring(files, &format!("const {name} "));
            let items = self.constants.entry(file.trim_start_matches("common/")).or_default();
            items.insert(format!("pub(crate) const {name}: {value};\n"));
        }
    }

    fn rust(&self) -> String {
        let (names, items): (Vec<_>, Vec<_>) = self.shaders.iter().map(|(name, item)| (name, item.as_str())).unzip();
        let mut out = items.concat();
        out += "/// All of them, in the order of the table.\npub static SHADERS: &[&Shader] = &[";
        names.iter().for_each(|name| out += &format!("&{name}, "));
        out += "];\n";
        self.structs.values().for_each(|item| out += item);
        for (file, items) in &self.constants {
            out += &format!("#[allow(dead_code, reason = \"Rust needs some of them\")]\npub(crate) mod {file} {{\n");
            items.iter().for_each(|item| out += item);
            out += "}\n";
        }
        out
    }
}

/// The name of the file that has this text.
fn declaring(files: &[&'static File], text: &str) -> &'static str {
    files.iter().find(|file| file.text.contains(text)).map_or("", |file| file.name)
}

/// The module, or the first error with its file and line.
fn parse(files: &[&File]) -> Result<Module, String> {
    let source: String = files.iter().map(|file| file.text).collect();
    let module = naga::front::wgsl::parse_str(&source);
    let module = module.map_err(|error| placed(files, error.location(&source), &error))?;
    let mut validator = Validator::new(ValidationFlags::all(), Capabilities::SHADER_FLOAT16);
    validator.validate(&module).map_err(|error| placed(files, error.location(&source), error.as_inner()))?;
    Ok(module)
}

/// An error and its causes, with the place in the files that the text was joined from.
fn placed(files: &[&File], location: Option<SourceLocation>, error: &dyn Error) -> String {
    let mut causes = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        causes += &format!(": {error}");
        cause = error.source();
    }
    let causes = causes.replace('\n', " ");
    let mut line = location.map_or(1, |location| location.line_number as usize);
    for file in files {
        let lines = file.text.lines().count();
        if line <= lines {
            return format!("shaders/{}.wgsl:{line}: {causes}", file.name);
        }
        line -= lines;
    }
    causes
}

/// The first sentence of the kernel's own file, and of the file that stores its sums.
fn doc(files: &[&File]) -> String {
    let of_its_own = |file: &&&File| file.name.starts_with("common/store_") || !file.name.starts_with("common/");
    let sentences = files.iter().rev().filter(of_its_own).filter_map(|file| file.text.lines().next());
    sentences.map(|line| line.trim_start_matches("// ")).collect::<Vec<_>>().join(" ")
}
