//! TensorFlow's detectors and trunks in TensorFlow Lite, whose files say what the network does: `fit` finds which
//! architecture that is, `header` and `classes` what else the file says.

mod classes;
mod fit;
mod header;

use std::collections::HashSet;

use ssd::Arch;
use ssd::arch::Scale;
use ssd::model::{TensorSpec, tensors};
use ssd::preprocess::Normalization;
use ssd::weights::{Header, Provenance};

use self::fit::{Fit, Misfit};
use super::error::ImportError;
use super::names;
use super::pieces::{Axes, Numbers, Piece, Recipe};
use crate::error::quoted;
use crate::file::TensorFile;
use crate::layout::{Layout, tensorflow};
use crate::tflite::{Convolution, Graph, Tail, Value, convolutions, tail};

/// What a file holds, and how it becomes a weights file.
pub(super) struct Found {
    pub(super) layout: &'static Layout,
    pub(super) arch: Arch,
    /// `None` for a trunk.
    pub(super) header: Option<Header>,
    pub(super) pieces: Vec<Piece>,
    /// Tensors that are not part of the network.
    pub(super) unused: Vec<String>,
    /// How pixels entered a trunk, where that is not how they will.
    pub(super) pixels: Option<Normalization>,
    /// What differs from what the file itself would do, a sentence each.
    pub(super) notes: Vec<String>,
}

/// Finds out what a file holds.
pub(super) fn read(
    file: &TensorFile,
    graph: &Graph,
    labels: Option<&[String]>,
    provenance: &Provenance,
) -> Result<Found, ImportError> {
    let foreign = |why: String| ImportError::Foreign(why);
    let list = convolutions(graph).map_err(foreign)?;
    match tail(graph, &list) {
        Some(tail) => detector(file, graph, &list, &tail.map_err(foreign)?, labels, provenance),
        None if labels.is_some() => Err(ImportError::Option("labels", "the file holds no detector")),
        None => trunk(file, graph, &list),
    }
}

fn detector(
    file: &TensorFile,
    graph: &Graph,
    list: &[Convolution],
    tail: &Tail,
    labels: Option<&[String]>,
    provenance: &Provenance,
) -> Result<Found, ImportError> {
    let input = input(graph)?;
    let count = tail.options.classes;
    // One more is the background.
    let background = tail.columns.checked_sub(count).filter(|more| *more <= 1 && tail.columns <= MOST_COLUMNS);
    let background = background.ok_or_else(|| {
        let columns = tail.columns;
        ImportError::Foreign(format!(
            "its scores have {columns} columns, and its post-processing expects {count} classes"
        ))
    })?;
    let packed = labels.is_none().then(|| graph.labels.clone()).flatten();
    let classes = classes::classes(count, labels.or(packed.as_deref())).map_err(ImportError::Labels)?;
    let labels = names::checked(&classes.labels, classes.labels.len() + 1)?;
    if labels.is_empty() {
        return Err(ImportError::Labels("no label names a class".into()));
    }
    let fit = fit::detector(list, tail, input.size_px, labels.len());
    let Fit { arch, layers, .. } = fit.map_err(|misfit| refused(file, graph, list, misfit))?;
    let rows = |place| rows(list, tail, &classes.columns, background, place);
    let pieces = pieces(file, list, &layers, &tensors(arch, labels.len()), rows)?;

    let variances = header::variances(&tail.options).ok_or_else(|| {
        let why =
            "its post-processing divides x and y, or width and height, by different numbers, which is not known here";
        ImportError::Foreign(why.into())
    })?;
    let stored = &file.tensors()[tail.priors];
    let step = stored.quantisation.as_ref().map_or(0.0, |quantisation| quantisation.at(0).0);
    let priors = header::priors(arch, variances, &file.read_f32(stored)?, step);
    let habits = tensorflow::HABITS;
    let header = Header {
        normalization: input.normalization,
        priors,
        iou: habits.iou,
        top_k: habits.top_k,
        max: habits.max,
        ..Header::new(arch, labels, provenance.clone())
    };
    header.check()?;
    Ok(Found {
        layout: &tensorflow::DETECTOR,
        arch,
        unused: unused(file, list, &layers, tail.priors),
        pieces,
        pixels: None,
        notes: notes(graph, Some((tail, &header))),
        header: Some(header),
    })
}

/// Which of the file's outputs becomes each of ours, where a convolution is a head's.
fn rows(list: &[Convolution], tail: &Tail, kept: &[usize], background: usize, place: usize) -> Vec<usize> {
    let outputs = list[place].channels_out;
    if tail.heads.iter().any(|head| head.boxes.predictor == place) {
        // Theirs are y, x, height, width; ours x, y, width, height.
        return (0..outputs).map(|row| row ^ 1).collect();
    }
    if tail.heads.iter().any(|head| head.classes.predictor == place) {
        let columns = |prior: usize| kept.iter().map(move |column| prior * tail.columns + background + column);
        return (0..outputs / tail.columns).flat_map(columns).collect();
    }
    Vec::new()
}

/// More columns than any data set has, and few enough that a false number costs little.
const MOST_COLUMNS: usize = 2001;

/// The square input.
struct Input {
    size_px: u16,
    normalization: Normalization,
}

fn input(graph: &Graph) -> Result<Input, ImportError> {
    let values: Vec<&Value> = graph.inputs.iter().map(|input| &graph.values[*input]).collect();
    let size = match &values[..] {
        [value] => match value.shape[..] {
            [1, rows, columns, 3] if rows == columns => u16::try_from(rows).ok().map(|size| (size, *value)),
            _ => None,
        },
        _ => None,
    };
    match size {
        Some((size_px, value)) if Scale::INPUTS_PX.contains(&size_px) => {
            Ok(Input { size_px, normalization: header::normalization(value) })
        }
        _ => {
            let shapes: Vec<String> = values.iter().map(|value| format!("{:?}", value.shape)).collect();
            let (shapes, least, most) = (shapes.join(", "), Scale::INPUTS_PX.start(), Scale::INPUTS_PX.end());
            let why = format!("its input {shapes} is not one square picture of {least} to {most} pixels in colour");
            Err(ImportError::Foreign(why))
        }
    }
}

/// The trunk of a classifier or of a feature extractor.
fn trunk(file: &TensorFile, graph: &Graph, list: &[Convolution]) -> Result<Found, ImportError> {
    let input = input(graph)?;
    let fit = fit::trunk(list, input.size_px);
    let Fit { arch, scale, layers } = fit.map_err(|misfit| refused(file, graph, list, misfit))?;
    // The size of the input changes no weight.
    let arch = arch.at(Scale { input_px: Scale::FULL.input_px, ..scale });
    Ok(Found {
        layout: &tensorflow::TRUNK,
        arch,
        header: None,
        pieces: pieces(file, list, &layers, &tensors(arch, 1), |_| Vec::new())?,
        unused: Vec::new(),
        pixels: (input.normalization != arch.preprocess().normalization).then_some(input.normalization),
        notes: notes(graph, None),
    })
}

/// Two pieces for each layer, its weights and its bias. `rows` says which outputs of a convolution are taken over.
fn pieces(
    file: &TensorFile,
    list: &[Convolution],
    layers: &[(String, usize)],
    specs: &[TensorSpec],
    rows: impl Fn(usize) -> Vec<usize>,
) -> Result<Vec<Piece>, ImportError> {
    let mut pieces = Vec::new();
    for (path, place) in layers {
        let convolution = &list[*place];
        let axes = if convolution.depthwise { Axes::Depthwise } else { Axes::Dense };
        let rows = rows(*place);
        let weight = Recipe { axes, rows: rows.clone(), factor: convolution.gain, shift: 0.0 };
        let bias = Recipe { axes: Axes::Bias, rows, factor: 1.0, shift: -convolution.excess };
        let both = [("weight", Some(convolution.weight), weight), ("bias", convolution.bias, bias)];
        for (part, tensor, recipe) in both {
            let path = format!("{path}.{part}");
            let Some(spec) = specs.iter().find(|spec| spec.path == path).cloned() else { continue };
            let from = match tensor.map(|tensor| &file.tensors()[tensor]) {
                Some(info) if info.can_be_weights() => Numbers::TensorFlow(info.clone(), recipe),
                None => Numbers::Constant(recipe.shift),
                Some(info) => {
                    return Err(ImportError::Foreign(format!(
                        "its tensor {} holds {} of the shape {:?}, which cannot be the {part} of a convolution",
                        quoted(&info.name),
                        info.dtype,
                        info.shape
                    )));
                }
            };
            pieces.push(Piece { spec, from });
        }
    }
    Ok(pieces)
}

/// Constants of several numbers that are no part of the network.
fn unused(file: &TensorFile, list: &[Convolution], layers: &[(String, usize)], priors: usize) -> Vec<String> {
    let taken = layers.iter().map(|(_, place)| &list[*place]);
    let used: HashSet<usize> =
        taken.flat_map(|convolution| [Some(convolution.weight), convolution.bias]).flatten().chain([priors]).collect();
    let others = file.tensors().iter().enumerate().filter(|(place, _)| !used.contains(place));
    let others = others.filter(|(_, info)| info.can_be_weights() && info.shape.iter().product::<usize>() > 1);
    others.map(|(_, info)| info.name.clone()).collect()
}

/// What differs from what TensorFlow Lite would do with the file.
fn notes(graph: &Graph, detector: Option<(&Tail, &Header)>) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some((tail, header)) = detector {
        let across = if tail.options.regular { "each class by itself" } else { "boxes across all classes" };
        notes.push(format!(
            "The file's own post-processing keeps {} detections and suppresses {across}; it is replaced by NMS of each \
             class by itself, which keeps up to {}.",
            tail.options.most, header.max
        ));
        if header.priors.listed.is_some() {
            notes.push("Its priors are not those of TensorFlow's rule, so they are taken over one by one.".into());
        }
    }
    if graph.has_made_up_ranges() {
        notes.push(
            "Its activations were quantised with made-up ranges (whole numbers from 0 to 255), so that TensorFlow Lite \
             computes nonsense with it, and its biases are rounded; the weights are used without these ranges."
                .into(),
        );
    }
    notes
}

/// Why the convolutions are no network that is known.
fn refused(file: &TensorFile, graph: &Graph, list: &[Convolution], misfit: Misfit) -> ImportError {
    ImportError::Foreign(match misfit {
        Misfit::Foreign => {
            format!("its network is of a family that is not known here: it is made of {}", graph.in_words())
        }
        Misfit::Layer(arch, place, layer) => {
            let (name, there) = (quoted(&file.tensors()[list[place].weight].name), fit::described(&list[place]));
            format!("its network is like {arch}, but its convolution {name} ({there}) is not that network's {layer}")
        }
        Misfit::Count(arch, [there, wanted]) => {
            format!("its network is like {arch}, but it has {there} convolutions where that has {wanted}")
        }
    })
}
