//! The table of kernels, and how a row becomes the text that the GPU gets.
//!
//! A row names the files that are joined; WGSL does not mind the order. The text is valid as the files lie on disk. A
//! [`Kernel`] has some of its constants replaced and the loops marked `// unroll` written out. The rules that every
//! kernel keeps are in `shaders/README.md`.
//!
//! `build.rs` compiles this file as well, so it knows nothing but `std`.

/// A file of `shaders/`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct File {
    /// Its path below `shaders/`, without the extension.
    pub name: &'static str,
    /// What it holds.
    pub text: &'static str,
}

macro_rules! file {
    ($name:literal) => {
        File { name: $name, text: include_str!(concat!("../../../shaders/", $name, ".wgsl")) }
    };
}

/// A row of the table: the name of a kernel, and the files that make its text.
#[derive(Debug)]
pub struct Row {
    /// That of its own file. Where one file makes several kernels, the name says where their sums go.
    pub name: &'static str,
    /// Its own file is the last.
    pub files: &'static [File],
}

macro_rules! table {
    ($($name:literal: $($file:literal)+;)*) => {
        /// Every kernel. `build.rs` makes a [`Shader`] of each row.
        pub const TABLE: &[Row] = &[$(Row { name: $name, files: &[$(file!($file)),+] }),*];
    };
}

table! {
    "preprocess": "preprocess";
    "conv": "common/convolution" "common/store_map" "conv";
    "conv_heads": "common/convolution" "common/store_heads" "conv";
    "conv_parts": "common/convolution" "common/store_parts" "conv";
    "conv_plain": "common/convolution" "common/store_map" "conv_plain";
    "conv_plain_heads": "common/convolution" "common/store_heads" "conv_plain";
    "conv_plain_parts": "common/convolution" "common/store_parts" "conv_plain";
    "conv_sum": "common/convolution" "common/store_map" "conv_sum";
    "conv_sum_heads": "common/convolution" "common/store_heads" "conv_sum";
    "depthwise": "common/convolution" "depthwise";
    "max_pool": "common/convolution" "max_pool";
    "average": "common/convolution" "average";
    "scale": "common/convolution" "scale";
    "l2norm": "common/convolution" "l2norm";
    "winograd_input": "common/convolution" "common/winograd" "winograd_input";
    "winograd_weights": "common/convolution" "common/winograd" "winograd_weights";
    "winograd_output": "common/convolution" "common/winograd" "winograd_output";
    "decode": "decode";
    "topk": "common/candidate" "common/select" "topk";
    "nms": "common/candidate" "common/overlap" "nms";
    "soft_nms": "common/candidate" "common/overlap" "soft_nms";
    "gather": "common/candidate" "common/select" "gather";
    "peak_fma": "peak_fma";
    "peak_copy": "peak_copy";
}

/// A kernel as its files have it: a row of the table, and what `build.rs` read from the WGSL.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Shader {
    /// As in the table.
    pub name: &'static str,
    /// As in the table.
    pub files: &'static [File],
    /// Whether it reads or writes numbers of a feature map, whose type is a choice.
    pub stored: bool,
    /// Its bindings in ascending order, without binding 0, which is its `info`.
    pub bindings: &'static [u32],
    /// The size of its `info`.
    pub info_bytes: usize,
    /// Threads of a workgroup, as the file lies on disk.
    pub threads: usize,
}

impl Shader {
    /// The file that it has to itself, or shares with the kernels that differ in where their sums go.
    pub fn file(&self) -> &'static File {
        &self.files[self.files.len() - 1]
    }

    /// The workgroups that have this many threads.
    pub fn groups(&self, threads: usize) -> usize {
        threads.div_ceil(self.threads)
    }
}

/// The type of the numbers in feature maps and weights. Sums are 32 bits wide either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Precision {
    /// 32-bit floats.
    #[default]
    Single,
    /// 16-bit floats.
    Half,
}

impl Precision {
    /// Its name for people and programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Single => "f32",
            Self::Half => "f16",
        }
    }

    /// Bytes of a number.
    pub fn bytes(self) -> usize {
        match self {
            Self::Single => 4,
            Self::Half => 2,
        }
    }

    /// The file that names the type.
    fn file(self) -> &'static File {
        const SINGLE: &File = &file!("common/single");
        const HALF: &File = &file!("common/half");
        match self {
            Self::Single => SINGLE,
            Self::Half => HALF,
        }
    }
}

/// The files of a kernel's text in their order: the type of its stored numbers, if it has any, comes first.
pub fn joined(files: &'static [File], stored: Option<Precision>) -> impl Iterator<Item = &'static File> {
    stored.map(Precision::file).into_iter().chain(files)
}

/// A shader with its choices made: what a pipeline is compiled from, and known by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Kernel {
    /// The shader.
    pub shader: &'static Shader,
    /// Constants of the file, and the values in their place.
    pub constants: Vec<(&'static str, u32)>,
    /// The type of its numbers.
    pub precision: Precision,
}

impl Kernel {
    /// A shader as it lies on disk, with 32-bit numbers.
    pub fn plain(shader: &'static Shader) -> Self {
        Self { shader, constants: Vec::new(), precision: Precision::Single }
    }

    /// The whole text: exactly what the GPU gets.
    pub fn source(&self) -> String {
        let Shader { files, stored, .. } = *self.shader;
        let mut source: String = joined(files, stored.then_some(self.precision)).map(|file| file.text).collect();
        for (name, value) in &self.constants {
            source = replace_constant(&source, name, *value);
        }
        unroll(&source, &self.constants)
    }
}

/// Puts `value` in the place of the one that the file gives a constant.
fn replace_constant(source: &str, name: &str, value: u32) -> String {
    let start = format!("const {name} = ");
    let place = source.lines().position(|line| line.starts_with(&start));
    debug_assert!(place.is_some(), "no shader file declares {name}");
    let replace = |(index, line): (usize, &str)| {
        if Some(index) == place { format!("{start}{value}u;\n") } else { format!("{line}\n") }
    };
    source.lines().enumerate().map(replace).collect()
}

/// Writes out each loop `for (var i = 0u; i < COUNT; i++) { // unroll` whose COUNT is among the constants.
fn unroll(source: &str, constants: &[(&'static str, u32)]) -> String {
    let mut out = String::with_capacity(source.len() * 2);
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        let Some((name, count)) = unrollable(line, constants) else {
            out.push_str(line);
            out.push('\n');
            continue;
        };
        let indent = &line[..line.len() - line.trim_start().len()];
        let end = format!("{indent}}}");
        let body: Vec<&str> = lines.by_ref().take_while(|line| *line != end).collect();
        for index in 0..count {
            out.push_str(&format!("{indent}{{\n{indent}  let {name} = {index}u;\n"));
            for line in &body {
                out.push_str(line);
                out.push('\n');
            }
            out.push_str(&format!("{end}\n"));
        }
    }
    out
}

/// The variable and the count of a loop that is to be written out.
fn unrollable<'a>(line: &'a str, constants: &[(&'static str, u32)]) -> Option<(&'a str, u32)> {
    let head = line.trim_start().strip_prefix("for (var ")?.strip_suffix("{ // unroll")?;
    let (name, rest) = head.split_once(" = 0u; ")?;
    let (_, rest) = rest.split_once(" < ")?;
    let (limit, _) = rest.split_once("; ")?;
    let (_, count) = constants.iter().find(|(constant, _)| *constant == limit)?;
    Some((name, *count))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOP: &str =
        "const N = 2u;\nfn f() {\n  for (var i = 0u; i < N; i++) { // unroll\n    g(i);\n  }\n  h();\n}\n";

    #[test]
    fn a_marked_loop_is_written_out_as_often_as_its_constant_says() {
        let source = unroll(&replace_constant(LOOP, "N", 3), &[("N", 3)]);
        assert!(source.starts_with("const N = 3u;\n"));
        assert_eq!(source.matches("g(i);").count(), 3);
        assert!(source.contains("let i = 2u;") && !source.contains("for"));
        assert_eq!(source.matches('{').count(), source.matches('}').count());
    }

    #[test]
    fn a_loop_whose_count_the_host_does_not_set_stays() {
        assert_eq!(unroll(LOOP, &[("M", 3)]), LOOP);
    }
}
