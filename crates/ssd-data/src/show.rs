//! `--show-batch`: the network's input, drawn as pictures.
//!
//! Normalisation is undone and boxes are drawn; scale, crop and colours are those of the batch. A mistake in
//! augmentation, box coordinates or channel order shows here first.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::{ImageFormat, Rgb, RgbImage};
use ssd::preprocess::Preprocess;

use crate::atomic_file::write_atomic;
use crate::compose::Prepared;
use crate::draw::{Labelled, annotate};
use crate::error::DataError;

/// Writes each picture of a batch into a folder, which is created if missing, and returns the files.
///
/// # Errors
/// A folder or file that cannot be written.
pub fn show_batch(
    batch: &[Prepared],
    labels: &[String],
    preprocess: &Preprocess,
    folder: &Path,
) -> Result<Vec<PathBuf>, DataError> {
    fs::create_dir_all(folder).map_err(|error| DataError::Write { path: folder.into(), why: error.to_string() })?;
    let mut files = Vec::with_capacity(batch.len());
    for (i, prepared) in batch.iter().enumerate() {
        let file = folder.join(format!("{i:03}-{}.png", prepared.name));
        write_png(&picture(prepared, labels, preprocess), &file)
            .map_err(|why| DataError::Write { path: file.clone(), why })?;
        files.push(file);
    }
    Ok(files)
}

/// A prepared picture turned back into bytes, with its boxes.
pub fn picture(prepared: &Prepared, labels: &[String], preprocess: &Preprocess) -> RgbImage {
    let size = preprocess.input_size;
    let mut image = RgbImage::from_fn(size as u32, size as u32, |x, y| {
        let pixel = y as usize * size + x as usize;
        Rgb([0, 1, 2].map(|c| {
            let value = prepared.pixels[c * size * size + pixel];
            (value * preprocess.normalization.std[c] + preprocess.normalization.mean[c]).round().clamp(0.0, 255.0) as u8
        }))
    });
    let boxes: Vec<Labelled> = prepared
        .truths
        .iter()
        .map(|truth| Labelled {
            bbox_px: truth.bbox.scaled(size as f32, size as f32),
            text: labels.get(truth.class.wrapping_sub(1)).cloned().unwrap_or_default(),
            class: truth.class,
        })
        .collect();
    annotate(&mut image, &boxes);
    image
}

fn write_png(image: &RgbImage, file: &Path) -> Result<(), String> {
    let mut bytes = Vec::new();
    image.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).map_err(|error| error.to_string())?;
    write_atomic(file, &bytes).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use ssd::preprocess::{Normalization, preprocess_rgb};

    use super::*;

    #[test]
    fn normalisation_is_undone_and_files_are_numbered() {
        let preprocess = Preprocess { input_size: 4, normalization: Normalization::MOBILENET };
        let source = RgbImage::from_fn(4, 4, |x, y| Rgb([x as u8 * 60, y as u8 * 60, 255]));
        let pixels = preprocess_rgb(source.as_raw(), 4, 4, &preprocess);
        let prepared = Prepared { pixels, name: "cat".into(), ..Prepared::default() };
        assert_eq!(picture(&prepared, &[], &preprocess), source);

        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("batch");
        let files = show_batch(&[prepared.clone(), prepared], &[], &preprocess, &inside).unwrap();
        assert_eq!(files, [inside.join("000-cat.png"), inside.join("001-cat.png")]);
        assert_eq!(image::open(&files[1]).unwrap().into_rgb8(), source);
    }
}
