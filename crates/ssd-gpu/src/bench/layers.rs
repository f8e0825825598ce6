//! Each layer of a loaded detector by itself: all launches that carry its name.

use super::stopwatch::Stopwatch;
use crate::error::GpuError;
use crate::frames::GpuDetector;
use crate::kernel::{Kernel, Shader};
use crate::program::{Program, Step};
use crate::wgsl::{CONV, CONV_PLAIN, CONV_SUM, WINOGRAD_INPUT};

/// How a layer is done, and how long it takes.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerTime {
    /// As the paper has it.
    pub name: String,
    /// The kernel, and how it is cut up.
    pub method: String,
    /// Milliseconds of all its launches, for all pictures.
    pub ms: f64,
}

/// Measures every layer; `measured` is called after each. The numbers in the maps are the last frame's.
///
/// # Errors
///
/// When the device fails.
pub async fn layer_times(
    detector: &GpuDetector,
    stopwatch: &Stopwatch<'_>,
    measured: &mut dyn FnMut(&str),
) -> Result<Vec<LayerTime>, GpuError> {
    let program = detector.network();
    let mut times = Vec::new();
    for (name, steps) in layers(program) {
        let method = method(program, &steps);
        let ms = stopwatch.median_ms(&|pass| steps.iter().for_each(|step| program.encode_step(pass, *step))).await?;
        measured(&name);
        times.push(LayerTime { name, method, ms });
    }
    Ok(times)
}

/// The steps of each layer; they follow each other.
fn layers(program: &Program) -> Vec<(String, Vec<Step>)> {
    let mut layers: Vec<(String, Vec<Step>)> = Vec::new();
    for step in program.steps() {
        let (label, ..) = program.step(step);
        match layers.last_mut() {
            Some((name, steps)) if name == label => steps.push(step),
            _ => layers.push((label.to_owned(), vec![step])),
        }
    }
    layers
}

/// What a layer's steps are, in words.
pub(super) fn method(program: &Program, steps: &[Step]) -> String {
    in_words(&steps.iter().map(|step| program.step(*step)).collect::<Vec<_>>())
}

fn in_words(launches: &[(&str, &Kernel, [u32; 3])]) -> String {
    let is = |kernel: &Kernel, shader: &Shader| kernel.shader.file() == shader.file();
    let count = |shader| launches.iter().filter(|(_, kernel, _)| is(kernel, shader)).count();
    let product = launches.iter().find(|(_, kernel, _)| is(kernel, &CONV) || is(kernel, &CONV_PLAIN));
    let Some((_, kernel, workgroups)) = product else {
        return launches.first().map_or_else(String::new, |(_, kernel, _)| kernel.shader.name.to_owned());
    };
    let constant = |wanted: &str| kernel.constants.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
    let tile = match (constant("TILE_ROWS"), constant("TILE_COLUMNS")) {
        (Some(rows), Some(columns)) => format!("{rows}x{columns}"),
        _ => "plain".to_owned(),
    };
    match (count(&WINOGRAD_INPUT), count(&CONV_SUM)) {
        (0, 0) => tile,
        (0, _) => format!("{tile} in {} parts", workgroups[2]),
        (1, _) => format!("Winograd {tile}"),
        (bands, _) => format!("Winograd {tile} in {bands} bands"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Precision;
    use crate::network::Tile;
    use crate::wgsl::{CONV_PARTS, DEPTHWISE};

    #[test]
    fn a_method_says_its_tile_and_its_pieces() {
        let tiled = |shader| Kernel { shader, constants: Tile::LARGE.constants(), precision: Precision::Single };
        let plain = Kernel::plain;
        let words = |kernels: &[Kernel]| {
            in_words(&kernels.iter().map(|kernel| ("layer", kernel, [1, 1, 3])).collect::<Vec<_>>())
        };
        assert_eq!(words(&[tiled(&CONV)]), "128x64");
        assert_eq!(words(&[plain(&CONV_PLAIN)]), "plain");
        assert_eq!(words(&[plain(&DEPTHWISE)]), "depthwise");
        assert_eq!(words(&[tiled(&CONV_PARTS), plain(&CONV_SUM)]), "128x64 in 3 parts");
        let winograd = [plain(&WINOGRAD_INPUT), tiled(&CONV_PARTS)];
        assert_eq!(words(&winograd), "Winograd 128x64");
        assert_eq!(words(&[winograd.clone(), winograd].concat()), "Winograd 128x64 in 2 bands");
    }
}
