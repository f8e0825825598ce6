//! The table of shaders, and how a shader becomes the text that the GPU gets.
//!
//! A shader is a file that may need others beside it; WGSL does not mind the order. The files are valid as they lie on disk.
//! A [`Kernel`] is a shader with some of its constants replaced and the loops marked `// unroll` written out. Rules that
//! every shader keeps are in `shaders/README.md`.

macro_rules! shader_file {
    ($name:literal) => {
        include_str!(concat!("../../../shaders/", $name, ".wgsl"))
    };
}

/// A shader: the files that make its source, its own file last.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Shader {
    /// The stage. Where one file makes several stages, what they do with their sums stands behind it.
    pub name: &'static str,
    /// The source in pieces, without the type of its numbers.
    pub parts: &'static [&'static str],
    /// Whether it reads or writes numbers of a feature map, whose type is a choice.
    pub stored: bool,
}

const CANDIDATE: &str = shader_file!("common/candidate");
const OVERLAP: &str = shader_file!("common/overlap");
const SELECT: &str = shader_file!("common/select");
const SINGLE: &str = shader_file!("common/single");
const HALF: &str = shader_file!("common/half");
const INFO: &str = shader_file!("common/convolution");
const TO_MAP: &str = shader_file!("common/store_map");
const TO_HEADS: &str = shader_file!("common/store_heads");
const TO_PARTS: &str = shader_file!("common/store_parts");
const TILE: &str = shader_file!("common/winograd");

macro_rules! shaders {
    ($($(#[$doc:meta])* $constant:ident = $name:literal, [$($part:expr),*], $stored:literal;)*) => {
        $($(#[$doc])* pub static $constant: Shader = Shader { name: $name, parts: &[$($part),*], stored: $stored };)*

        /// Every shader there is.
        pub static SHADERS: &[&Shader] = &[$(&$constant),*];
    };
}

shaders! {
    /// A picture to the network's input.
    PREPROCESS = "preprocess", [shader_file!("preprocess")], true;
    /// A dense convolution, tile by tile, into a feature map.
    CONV = "conv", [INFO, TO_MAP, shader_file!("conv")], true;
    /// The same into the rows of priors.
    CONV_HEADS = "conv_heads", [INFO, TO_HEADS, shader_file!("conv")], true;
    /// The same into partial sums or Winograd planes.
    CONV_PARTS = "conv_parts", [INFO, TO_PARTS, shader_file!("conv")], true;
    /// A dense convolution without workgroup memory, into a feature map.
    CONV_PLAIN = "conv_plain", [INFO, TO_MAP, shader_file!("conv_plain")], true;
    /// The same into the rows of priors.
    CONV_PLAIN_HEADS = "conv_plain_heads", [INFO, TO_HEADS, shader_file!("conv_plain")], true;
    /// The same into Winograd planes.
    CONV_PLAIN_PARTS = "conv_plain_parts", [INFO, TO_PARTS, shader_file!("conv_plain")], true;
    /// Partial sums to a feature map.
    CONV_SUM = "conv_sum", [INFO, TO_MAP, shader_file!("conv_sum")], true;
    /// Partial sums to the rows of priors.
    CONV_SUM_HEADS = "conv_sum_heads", [INFO, TO_HEADS, shader_file!("conv_sum")], false;
    /// A convolution of each channel by itself.
    DEPTHWISE = "depthwise", [INFO, shader_file!("depthwise")], true;
    /// The largest of each window.
    MAX_POOL = "max_pool", [INFO, shader_file!("max_pool")], true;
    /// The mean of each channel.
    AVERAGE = "average", [INFO, shader_file!("average")], true;
    /// Each channel times its own factor.
    SCALE = "scale", [INFO, shader_file!("scale")], true;
    /// Each pixel's channels to unit length, scaled.
    L2NORM = "l2norm", [INFO, shader_file!("l2norm")], true;
    /// Tiles to Winograd planes.
    WINOGRAD_INPUT = "winograd_input", [INFO, TILE, shader_file!("winograd_input")], true;
    /// Weights to Winograd planes, at load.
    WINOGRAD_WEIGHTS = "winograd_weights", [INFO, TILE, shader_file!("winograd_weights")], false;
    /// Winograd planes to tiles.
    WINOGRAD_OUTPUT = "winograd_output", [INFO, TILE, shader_file!("winograd_output")], true;
    /// Heads' outputs to scores and boxes.
    DECODE = "decode", [shader_file!("decode")], false;
    /// Scores to the best candidates of each class.
    TOPK = "topk", [CANDIDATE, SELECT, shader_file!("topk")], false;
    /// Candidates to those that no better one overlaps.
    NMS = "nms", [CANDIDATE, OVERLAP, shader_file!("nms")], false;
    /// The other form of [`NMS`].
    SOFT_NMS = "soft_nms", [CANDIDATE, OVERLAP, shader_file!("soft_nms")], false;
    /// Kept candidates to the buffer that is read back.
    GATHER = "gather", [CANDIDATE, SELECT, shader_file!("gather")], false;
    /// The device's peak of multiplications, for the bench.
    PEAK_FMA = "peak_fma", [shader_file!("peak_fma")], false;
    /// The device's peak of memory traffic, for the bench.
    PEAK_COPY = "peak_copy", [shader_file!("peak_copy")], false;
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
        let precision = match (self.shader.stored, self.precision) {
            (false, _) => "",
            (true, Precision::Single) => SINGLE,
            (true, Precision::Half) => HALF,
        };
        let mut source = String::from(precision);
        for part in self.shader.parts {
            source.push_str(part);
        }
        for (name, value) in &self.constants {
            source = replace_constant(&source, name, *value);
        }
        unroll(&source, &self.constants)
    }
}

/// Puts `value` in the place of what the file says of a constant.
fn replace_constant(source: &str, name: &str, value: u32) -> String {
    let start = format!("const {name} = ");
    let mut lines: Vec<String> = source.lines().map(str::to_owned).collect();
    for line in lines.iter_mut().filter(|line| line.starts_with(&start)) {
        *line = format!("{start}{value}u;");
    }
    lines.join("\n") + "\n"
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
