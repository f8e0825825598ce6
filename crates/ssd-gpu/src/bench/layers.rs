//! Each layer of a loaded detector by itself: all launches that carry its name.

use std::ops::Range;

use super::stopwatch::Stopwatch;
use crate::error::GpuError;
use crate::frames::GpuDetector;
use crate::kernel::Kernel;
use crate::program::Program;

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
    for (name, steps) in ranges(program) {
        let launches: Vec<(&Kernel, [u32; 3])> =
            program.steps().skip(steps.start).take(steps.len()).map(|(_, kernel, groups)| (kernel, groups)).collect();
        let method = method(&launches);
        let ms = stopwatch.median_ms(&|pass| steps.clone().for_each(|step| program.encode_step(pass, step))).await?;
        measured(&name);
        times.push(LayerTime { name, method, ms });
    }
    Ok(times)
}

/// The steps of each layer; they follow each other.
fn ranges(program: &Program) -> Vec<(String, Range<usize>)> {
    let mut ranges: Vec<(String, Range<usize>)> = Vec::new();
    for (index, (label, ..)) in program.steps().enumerate() {
        match ranges.last_mut() {
            Some((name, steps)) if name == label => steps.end = index + 1,
            _ => ranges.push((label.to_owned(), index..index + 1)),
        }
    }
    ranges
}

/// What a layer's launches are, in words.
pub(super) fn method(launches: &[(&Kernel, [u32; 3])]) -> String {
    let count = |name: &str| launches.iter().filter(|(kernel, _)| kernel.shader.name == name).count();
    let product = launches.iter().find(|(kernel, _)| kernel.shader.name.starts_with("conv"));
    let Some((kernel, workgroups)) = product else {
        return launches.first().map_or_else(String::new, |(kernel, _)| kernel.shader.name.to_owned());
    };
    let constant = |wanted: &str| kernel.constants.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
    let tile = match (constant("TILE_ROWS"), constant("TILE_COLUMNS")) {
        (Some(rows), Some(columns)) => format!("{rows}x{columns}"),
        _ => "plain".to_owned(),
    };
    match (count("winograd_input"), count("conv_sum") + count("conv_sum_heads")) {
        (0, 0) => tile,
        (0, _) => format!("{tile} in {} parts", workgroups[2]),
        (1, _) => format!("Winograd {tile}"),
        (bands, _) => format!("Winograd {tile} in {bands} bands"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{CONV, CONV_PARTS, CONV_PLAIN, CONV_SUM, DEPTHWISE, Precision, WINOGRAD_INPUT};
    use crate::network::Tile;

    #[test]
    fn a_method_says_its_tile_and_its_pieces() {
        let tiled = |shader| Kernel { shader, constants: Tile::LARGE.constants(), precision: Precision::Single };
        let plain = Kernel::plain;
        let said = |kernels: &[Kernel]| method(&kernels.iter().map(|kernel| (kernel, [1, 1, 3])).collect::<Vec<_>>());
        assert_eq!(said(&[tiled(&CONV)]), "128x64");
        assert_eq!(said(&[plain(&CONV_PLAIN)]), "plain");
        assert_eq!(said(&[plain(&DEPTHWISE)]), "depthwise");
        assert_eq!(said(&[tiled(&CONV_PARTS), plain(&CONV_SUM)]), "128x64 in 3 parts");
        let winograd = [plain(&WINOGRAD_INPUT), tiled(&CONV_PARTS)];
        assert_eq!(said(&winograd), "Winograd 128x64");
        assert_eq!(said(&[winograd.clone(), winograd].concat()), "Winograd 128x64 in 2 bands");
    }
}
