//! Files of pictures as cameras, scanners and broken downloads leave them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageFormat, RgbImage};
use proptest::prelude::*;

use crate::images::*;

#[test]
fn folders_give_their_pictures_by_name() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["b.JPG", "a.png", "notes.txt", "c.webp", "d.jfif", "e.heic", "._a.png", ".DS_Store"] {
        std::fs::write(folder.path().join(name), b"").unwrap();
    }
    std::fs::create_dir(folder.path().join("inner.png")).unwrap();
    let single = folder.path().join("notes.txt");
    let found = find(&[single.clone(), folder.path().to_owned()]).unwrap();
    let names = ["a.png", "b.JPG", "c.webp", "d.jfif", "e.heic"].map(|name| folder.path().join(name));
    assert_eq!(found, [&[single], names.as_slice()].concat(), "a named file is taken whatever its extension");
    assert!(matches!(find(&[folder.path().join("inner.png")]), Err(ImageError::NoneFound { .. })));
    assert!(matches!(find(&[folder.path().join("gone.png")]), Err(ImageError::Open { .. })));
    let message = read_upright(&names[4]).unwrap_err().to_string();
    assert!(message.contains("HEIC, is not read; save it as JPEG"), "{message}");
}

#[test]
fn a_camera_s_orientation_mark_is_obeyed() {
    // A JPEG of 16 x 8, left half red, with EXIF orientation 6 (a quarter clockwise) after its first two bytes.
    let picture = RgbImage::from_fn(16, 8, |x, _| image::Rgb(if x < 8 { [255, 0, 0] } else { [0, 0, 255] }));
    let mut jpeg = Cursor::new(Vec::new());
    picture.write_to(&mut jpeg, ImageFormat::Jpeg).unwrap();
    let exif = b"\xff\xe1\x00\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let bytes = [&jpeg.get_ref()[..2], exif, &jpeg.get_ref()[2..]].concat();

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("turned.png");
    std::fs::write(&path, &bytes).unwrap();
    let upright = read_upright(&path).unwrap();
    assert_eq!(upright.dimensions(), (8, 16));
    assert!(upright.get_pixel(4, 2)[0] > 200, "red is above");
    assert!(upright.get_pixel(4, 13)[2] > 200, "blue is below");

    // Cut short: an error that names the file, not a panic and not half a picture.
    for cut in [bytes.len() / 3, bytes.len() - 8] {
        std::fs::write(&path, &bytes[..cut]).unwrap();
        let message = read_upright(&path).unwrap_err().to_string();
        assert!(message.contains("turned.png does not decode") && !message.contains('\n'), "{message}");
    }
}

#[test]
fn a_picture_too_large_for_memory_is_refused_by_its_header() {
    // The header of a BMP of 30,000 x 20,000 pixels, 24 bits each.
    let numbers = [54_u32, 40, 30_000, 20_000, 1 | 24 << 16, 0, 0, 0, 0, 0, 0].map(u32::to_le_bytes).concat();
    let bytes = [b"BM\0\0\0\0\0\0\0\0".as_slice(), &numbers].concat();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("huge.bmp");
    std::fs::write(&path, bytes).unwrap();
    let message = read_upright(&path).unwrap_err().to_string();
    assert!(message.contains("huge.bmp has 30000 x 20000 pixels, more than 400 millions"), "{message}");
}

#[test]
fn transparent_pixels_are_those_of_a_canvas() {
    // As Chromium's `getImageData` gives them after `drawImage`, off by one at most where it rounds a half down.
    for (pixel, canvas) in [
        ([200, 100, 50, 255], [200, 100, 50]),
        ([200, 100, 50, 0], [0, 0, 0]),
        ([255, 255, 255, 1], [255, 255, 255]),
        ([100, 100, 100, 1], [0, 0, 0]),
        ([20, 129, 200, 128], [20, 129, 199]),
    ] {
        let picture = DynamicImage::ImageRgba8(image::RgbaImage::from_pixel(2, 2, image::Rgba(pixel)));
        let mut png = Cursor::new(Vec::new());
        picture.write_to(&mut png, ImageFormat::Png).unwrap();
        let (read, _) = decode(png.get_ref()).unwrap();
        assert_eq!(opaque(read).get_pixel(1, 1).0, canvas, "{pixel:?}");
    }
    let grey = DynamicImage::ImageLumaA8(image::GrayAlphaImage::from_pixel(1, 1, image::LumaA([90, 0])));
    assert_eq!(opaque(grey).get_pixel(0, 0).0, [0, 0, 0]);
}

#[test]
fn a_picture_cut_off_or_of_absurd_size_is_refused_and_a_turned_one_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jpg");
    let mut jpeg = Cursor::new(Vec::new());
    RgbImage::new(16, 8).write_to(&mut jpeg, ImageFormat::Jpeg).unwrap();
    let jpeg = jpeg.into_inner();
    let read = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        header(&path)
    };
    let plain = Header { stored_px: (16, 8), orientation: Orientation::NoTransforms, cut_off: false };
    assert_eq!(read(&jpeg), Ok(plain));
    assert_eq!(read(&jpeg[..jpeg.len() - 2]), Ok(Header { cut_off: true, ..plain }));
    assert!(read(&jpeg[..jpeg.len() - 4]).unwrap_err().contains("ends in the middle"));
    // Height and width start five bytes after the frame marker.
    let frame = jpeg.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
    let mut absurd = jpeg.clone();
    absurd[frame + 5..frame + 9].copy_from_slice(&[0xea, 0x60, 0xea, 0x60]);
    assert!(read(&absurd).unwrap_err().contains("60000 x 60000"));
    // EXIF orientation 6, a quarter turn clockwise, after the first two bytes.
    let exif = b"\xff\xe1\x00\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let turned = [&jpeg[..2], exif, &jpeg[2..]].concat();
    let marked = read(&turned).unwrap();
    assert_eq!(marked, Header { orientation: Orientation::Rotate90, ..plain });
    assert_eq!(marked.upright_px(), (8, 16));
}

/// A TIFF of `width` x 1 pixels of one byte each, with one more tag.
fn tiff(width: u8, pixels: &[u8], tag: [u16; 2]) -> Vec<u8> {
    // Each tag: its number, type 3 for a number of 16 bits, how many, the value. The pixels lie behind the directory.
    let tags = [
        [256, u16::from(width)],
        [257, 1],
        [258, 8],
        [259, 1],
        [262, 1],
        [273, 8 + 2 + 9 * 12 + 4],
        tag,
        [277, 1],
        [279, pixels.len() as u16],
    ];
    let mut file = b"II*\0\x08\0\0\0\x09\0".to_vec();
    for [number, value] in tags {
        file.extend([number, 3, 1, 0, value, 0].iter().flat_map(|half: &u16| half.to_le_bytes()));
    }
    file.extend([0; 4]);
    [&file, pixels].concat()
}

#[test]
fn a_tiff_of_any_depth_is_read_and_turned_by_its_own_tag() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scan.tif");
    let picture = RgbImage::from_fn(5, 3, |x, y| image::Rgb([40 * x as u8, 80 * y as u8, 7]));
    let rgb = DynamicImage::ImageRgb8(picture.clone());
    for stored in [rgb.clone(), DynamicImage::ImageRgb16(rgb.to_rgb16()), DynamicImage::ImageRgba8(rgb.to_rgba8())] {
        stored.save_with_format(&path, ImageFormat::Tiff).unwrap();
        assert_eq!(read_upright(&path).unwrap(), picture, "{:?}", stored.color());
        let header = header(&path).unwrap();
        assert_eq!((header.upright_px(), header.cut_off), ((5, 3), false));
    }
    assert_eq!(find(&[folder.path().to_owned()]).unwrap(), std::slice::from_ref(&path));

    // Tag 274, as in EXIF: 6 is a quarter turn clockwise, by which the left pixel becomes the upper one.
    std::fs::write(&path, tiff(2, &[9, 200], [274, 6])).unwrap();
    assert_eq!(header(&path).unwrap().upright_px(), (1, 2));
    let upright = read_upright(&path).unwrap();
    assert_eq!(upright.dimensions(), (1, 2));
    assert_eq!([upright.get_pixel(0, 0)[0], upright.get_pixel(0, 1)[0]], [9, 200]);
}

proptest! {
    #[test]
    fn a_damaged_tiff_is_an_error_or_a_picture(
        changes in proptest::collection::vec((0..140_usize, any::<u8>()), 1..5),
        len in 0..140_usize,
    ) {
        let whole = tiff(8, &[1; 8], [274, 3]);
        let mut damaged = whole.clone();
        for (at, value) in changes {
            let at = at % whole.len();
            damaged[at] = value;
        }
        let _ = decode(&damaged);
        damaged.truncate(len);
        let _ = decode(&damaged);
    }
}
