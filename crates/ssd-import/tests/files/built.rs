//! Laws of the formats, on files that are built here.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;

use proptest::prelude::*;
use safetensors::tensor::TensorView;
use ssd_import::{ByteSource, DType, FileError, TensorFile};

use crate::build::*;

/// A view of a storage: the place of its first number, then its sides, each with its stride.
type View = (i64, Vec<(i64, i64)>);

/// Any view; some do not fit.
fn view() -> impl Strategy<Value = View> {
    (0..6_i64, prop::collection::vec((0..4_i64, 0..8_i64), 0..4))
}

/// The numbers of a view by the definition of strides; `None` where it leaves the storage.
fn shown(values: &[f32], offset: i64, sides: &[(i64, i64)]) -> Option<Vec<f32>> {
    let Some(((side, stride), rest)) = sides.split_first() else {
        return values.get(offset as usize).map(|value| vec![*value]);
    };
    let parts: Option<Vec<_>> = (0..*side).map(|place| shown(values, offset + place * stride, rest)).collect();
    Some(parts?.concat())
}

/// Tensors by names that are hard to write.
fn tensors() -> impl Strategy<Value = BTreeMap<String, Vec<f32>>> {
    let values = prop::collection::vec(any::<f32>(), 0..5);
    prop::collection::btree_map("\\PC{1,9}|[\"\\\\\n\u{1}/]{1,3}", values, 1..6)
}

proptest! {
    #[test]
    fn what_the_crate_of_safetensors_writes_is_read(
        tensors in tensors(),
        metadata in prop::option::of(prop::collection::hash_map(".{0,9}", ".{0,9}", 0..4)),
    ) {
        let bytes: BTreeMap<_, _> = tensors.iter().map(|(name, values)| (name, floats(values))).collect();
        let views = bytes.iter().map(|(name, bytes)| {
            (name, TensorView::new(safetensors::Dtype::F32, vec![bytes.len() / 4], bytes).expect("a view"))
        });
        let file = open(&safetensors::serialize(views, metadata.clone()).expect("a file")).expect("it is read");
        prop_assert_eq!(file.tensors().len(), tensors.len());
        for (name, values) in &tensors {
            let read = file.read_f32(file.get(name).expect("a tensor")).expect("it is read");
            prop_assert_eq!(floats(&read), floats(values));
        }
        prop_assert_eq!(file.metadata().clone(), metadata.unwrap_or_default().into_iter().collect());
    }

    #[test]
    fn a_view_shows_what_its_strides_say(count in 1..40_usize, views in prop::collection::vec(view(), 1..5)) {
        let values: Vec<f32> = (0..count).map(|i| i as f32 - 3.5).collect();
        let tensor = |(i, (offset, sides)): (usize, &View)| Tensor {
            offset: *offset,
            shape: sides.iter().map(|(side, _)| *side).collect(),
            strides: sides.iter().map(|(_, stride)| *stride).collect(),
            ..Tensor::whole(&format!("t{i}"), "7", count as u64)
        };
        let tensors: Vec<Tensor> = views.iter().enumerate().map(tensor).collect();
        let empty = |(_, sides): &View| sides.iter().any(|(side, _)| *side == 0);
        let expected: Vec<Option<Vec<f32>>> = views
            .iter()
            .map(|view| if empty(view) { Some(Vec::new()) } else { shown(&values, view.0, &view.1) })
            .collect();

        let bytes = floats(&values);
        let files = [
            torch_zip(&state_dict(&tensors, b""), &[("7", &bytes)]),
            legacy(&state_dict(&tensors, b"N"), &[("7", &bytes)]),
        ];
        for bytes in files {
            match open(&bytes) {
                Ok(file) => {
                    for (tensor, expected) in file.tensors().iter().zip(&expected) {
                        let read = file.read_f32(tensor).expect("it is read");
                        prop_assert_eq!(Some(&read), expected.as_ref(), "{}", tensor.name);
                    }
                }
                // Empty views that start outside are refused as well.
                Err(FileError::Tensor { .. }) => {
                    let outside = views.iter().any(|view| empty(view) && view.0 as usize > count);
                    prop_assert!(outside || expected.iter().any(Option::is_none));
                }
                Err(error) => prop_assert!(false, "{}", error),
            }
        }
    }
}

#[test]
fn a_large_tensor_that_is_transposed_is_read_over_the_chunks() {
    let (rows, columns) = (130_usize, 257_usize);
    let values: Vec<f32> = (0..rows * columns).map(|i| i as f32).collect();
    let tensor = Tensor {
        shape: vec![columns as i64, rows as i64],
        strides: vec![1, columns as i64],
        ..Tensor::whole("t", "0", values.len() as u64)
    };
    let file = open(&torch_zip(&state_dict(&[tensor], b""), &[("0", &floats(&values))])).expect("it is read");
    let read = file.read_f32(&file.tensors()[0]).expect("it is read");
    let expected: Vec<f32> = (0..rows * columns).map(|i| ((i % rows) * columns + i / rows) as f32).collect();
    assert_eq!(read, expected);
}

#[test]
fn a_view_of_an_old_file_starts_where_it_says() {
    let values = floats(&[0.0, 1.0, 2.0, 3.0, 4.0]);
    let with_view = |start: i64, count: i64| {
        let view = [b"(", &text("key")[..], &number(start), &number(count), b"t"].concat();
        let tensor = Tensor { offset: 1, shape: vec![2], ..Tensor::whole("t", "5", 5) };
        legacy(&state_dict(&[tensor], &view), &[("5", &values)])
    };
    let file = open(&with_view(2, 3)).expect("it is read");
    assert_eq!(file.read_f32(&file.tensors()[0]).expect("it is read"), [3.0, 4.0]);
    assert!(refusal(&with_view(3, 3)).contains("damaged"));
}

#[test]
fn safetensors_in_the_order_of_its_data_and_without_gaps() {
    let header = r#"{"__metadata__":{"k":"v"},"b":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},
        "a":{"dtype":"F32","shape":[],"data_offsets":[4,8]},"z":{"dtype":"F32","shape":[0,9],"data_offsets":[4,4]},
        "e":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[8,9]}}"#;
    let content = [&[0x00, 0x3C, 0x00, 0xC0][..], &2.5_f32.to_le_bytes(), &[7]].concat();
    let file = open(&safetensors(header, &content)).expect("it is read");
    assert_eq!(file.metadata(), &BTreeMap::from([("k".into(), "v".into())]));
    let names: Vec<&str> = file.tensors().iter().map(|tensor| &tensor.name[..]).collect();
    assert_eq!(names, ["b", "z", "a", "e"]);
    let read = |name: &str| file.read_f32(file.get(name).expect("it is read"));
    assert_eq!(
        (read("b").expect("it is read"), read("a").expect("it is read"), read("z").expect("it is read")),
        (vec![1.0, -2.0], vec![2.5], vec![])
    );
    assert!(read("e").expect_err("an error").to_string().contains("tensor e holds F8_E4M3"));

    assert!(matches!(open(&safetensors(header, &content[..8])), Err(FileError::Cut)));
    assert!(refusal(&safetensors(header, &[&content[..], &[0]].concat())).contains("more after"));
    // Gaps, overlaps, lengths that do not match the shape, and invalid headers.
    for (right, wrong) in [
        ("[4,8]", "[3,7]"),
        ("[4,8]", "[5,8]"),
        ("[4,8]", "[4,7]"),
        ("[4,8]", "[8,4]"),
        ("[2]", "[3]"),
        ("[0,9]", "[1,9]"),
        ("[0,9]", "[18446744073709551615,9]"),
        ("\"F16\"", "\"F64\""),
        ("\"F16\"", "\"F17\""),
        ("\"F16\"", "16"),
        ("\"shape\":[2],", ""),
        ("[0,4]", "[0]"),
        ("[2]", "[-2]"),
        ("\"v\"", "7"),
        ("[8,9]}}", "[8,9]}"),
        ("[8,9]}}", "[8,9]}}}"),
    ] {
        let sentence = refusal(&safetensors(&header.replace(right, wrong), &content));
        assert!(sentence.contains("its header is invalid"), "{wrong}: {sentence}");
    }
}

/// A file with holes, which read as zeros. It counts the bytes that were read.
struct Sparse {
    parts: BTreeMap<u64, Vec<u8>>,
    len: u64,
    read: Rc<Cell<u64>>,
}

impl ByteSource for Sparse {
    fn size(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.read.set(self.read.get() + into.len() as u64);
        if offset + into.len() as u64 > self.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        into.fill(0);
        for (start, part) in self.parts.range(..offset + into.len() as u64) {
            for (place, byte) in (*start..).zip(part) {
                if let Some(place) = place.checked_sub(offset).and_then(|place| into.get_mut(place as usize)) {
                    *place = *byte;
                }
            }
        }
        Ok(())
    }
}

/// A zip above 4 GB: a storage of 5 GiB of zeros and a small one after it, as PyTorch writes such a file, without check
/// sums.
fn five_gigabytes(read: &Rc<Cell<u64>>) -> Sparse {
    let (large, small) = (5_u64 << 30, floats(&[1.5, -2.0]));
    let pickled = state_dict(&[Tensor::whole("large", "0", large / 4), Tensor::whole("small", "1", 2)], b"");
    let (mut parts, mut at) = (BTreeMap::new(), 0);
    let mut directory = Vec::new();
    for (name, content, len) in
        [("a/data.pkl", &pickled[..], pickled.len() as u64), ("a/data/0", &[], large), ("a/data/1", &small, 8)]
    {
        // Numbers that do not fit are in the extra field: the lengths, then the place.
        let fits = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        let extra: Vec<u64> = [len, len, at].into_iter().filter(|value| fits(*value) == u32::MAX).collect();
        let extra = match extra.len() {
            0 => Vec::new(),
            count => [
                [1, 8 * count as u16].map(u16::to_le_bytes).concat(),
                extra.iter().flat_map(|v| v.to_le_bytes()).collect(),
            ]
            .concat(),
        };
        directory.extend(directory_entry(name, 0, fits(len), 0, fits(at), &extra));
        let header = local_header(name, fits(len), 0);
        let start = at + header.len() as u64;
        parts.insert(at, header);
        parts.insert(start, content.to_vec());
        at = start + len;
    }
    let start = at;
    let mut end = [&b"PK\x06\x06"[..], &44_u64.to_le_bytes(), &[0; 12]].concat();
    end.extend([3, 3, directory.len() as u64, start].map(u64::to_le_bytes).concat());
    let end_start = start + directory.len() as u64;
    end.extend([&b"PK\x06\x07\x00\x00\x00\x00"[..], &end_start.to_le_bytes(), &1_u32.to_le_bytes()].concat());
    end.extend(end_of_zip(u16::MAX, u32::MAX, u32::MAX));
    let len = end_start + end.len() as u64;
    parts.insert(start, directory);
    parts.insert(end_start, end);
    Sparse { parts, len, read: read.clone() }
}

#[test]
fn a_file_of_5_gb_is_opened_and_read_by_its_parts() {
    let read = Rc::new(Cell::new(0));
    let file = TensorFile::open(Box::new(five_gigabytes(&read))).expect("it is read");
    assert_eq!(file.tensors().iter().map(|tensor| &tensor.shape[..]).collect::<Vec<_>>(), [&[5 << 28][..], &[2]]);
    assert_eq!(file.get("small").map(|tensor| file.read_f32(tensor).expect("it is read")), Some(vec![1.5, -2.0]));
    // The end with its longest comment, the directory, the pickle and headers: the large tensor was not touched.
    assert!(read.get() < 100_000, "{} bytes were read", read.get());
}

#[test]
fn check_sums_are_compared_once_and_when_a_tensor_is_read() {
    let tensors = [Tensor::whole("a", "0", 2), Tensor::whole("b", "1", 2)];
    let mut bytes = torch_zip(&state_dict(&tensors, b""), &[("0", &floats(&[1.0, 2.0])), ("1", &floats(&[3.0, 4.0]))]);
    let at = bytes.windows(8).position(|part| part == floats(&[3.0, 4.0])).expect("it is read");
    bytes[at + 1] ^= 4;
    let file = open(&bytes).expect("it is read");
    let read = |name: &str| file.read_f32(file.get(name).expect("it is read"));
    assert_eq!(read("a").expect("it is read"), [1.0, 2.0]);
    assert_eq!(read("a").expect("it is read"), [1.0, 2.0]);
    let sentence = read("b").expect_err("an error").to_string();
    assert!(sentence.contains("check sum of a/data/1 is wrong"), "{sentence}");
    assert!(read("b").is_err());
}

#[test]
fn a_tensor_of_another_file_or_one_that_was_changed_is_refused() {
    let small =
        open(&torch_zip(&state_dict(&[Tensor::whole("t", "0", 1)], b""), &[("0", &[0; 4])])).expect("it is read");
    let mut tensor = small.tensors()[0].clone();
    tensor.shape = vec![2];
    assert!(matches!(small.read_f32(&tensor), Err(FileError::Tensor { .. })));
    tensor.shape = vec![usize::MAX, usize::MAX];
    assert!(matches!(small.read_f32(&tensor), Err(FileError::Tensor { .. })));
    tensor.shape = vec![1];
    tensor.dtype = DType::F64;
    assert!(matches!(small.read_f32(&tensor), Err(FileError::Tensor { .. })));
    let safe =
        open(&safetensors(r#"{"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, &[1])).expect("it is read");
    assert!(matches!(safe.read_f32(&small.tensors()[0]), Err(FileError::Tensor { .. })));
}

#[test]
fn files_of_other_kinds_are_named() {
    let mut tar = vec![0; 600];
    tar[257..262].copy_from_slice(b"ustar");
    let known: [(&[u8], &str); 9] = [
        (b"", "empty"),
        (&tar, "TAR"),
        (b"\n<!DOCTYPE html><html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"),
        (&[0x1F, 0x8B, 8, 0], "gzip"),
        (b"\x89HDF\r\n", "HDF5"),
        (b"\x80\x02}.", "torch.save did not write"),
        (b"\x08\x07\x12\x07pytorch", "unknown format"),
        (&zip(&[("model.pth", b"x")]), "without a data.pkl"),
    ];
    for (bytes, words) in known {
        let sentence = refusal(bytes);
        assert!(sentence.contains(words) && sentence.contains(';'), "{sentence}");
    }
}

#[test]
fn another_byte_order_and_another_version_are_refused() {
    let dict = state_dict(&[Tensor::whole("t", "0", 1)], b"");
    let big = zip(&[("a/data.pkl", &dict), ("a/byteorder", b"big"), ("a/data/0", &[0; 4])]);
    assert!(refusal(&big).contains("big-endian"));
    assert!(refusal(&legacy_start(1001, false)).contains("big-endian"));
    assert!(refusal(&legacy_start(1002, true)).contains("another version"));
}

#[test]
fn a_zip_whose_entries_are_compressed_or_overlap_is_refused() {
    let dict = state_dict(&[Tensor::whole("t", "0", 1)], b"");
    let (name, len, crc) = ("a/data.pkl", dict.len() as u32, crc32(&dict));
    let file = |directory: Vec<u8>, count: u16| {
        let bytes = [local_header(name, len, crc), dict.clone()].concat();
        let end = end_of_zip(count, directory.len() as u32, bytes.len() as u32);
        [bytes, directory, end].concat()
    };
    let entry = directory_entry(name, 0, len, crc, 0, &[]);
    assert!(refusal(&file(entry.clone(), 1)).contains("a/data/0 is missing"));
    assert!(refusal(&file(directory_entry(name, 8, len, crc, 0, &[]), 1)).contains("a/data.pkl is compressed"));
    assert!(refusal(&file([&entry[..], &entry].concat(), 2)).contains("overlap"));
    assert!(refusal(&file(entry.clone(), 2)).contains("directory"));
    assert!(refusal(&file([&entry[..], &entry].concat(), 1)).contains("another number of entries"));
    for (len, at) in [(len + 1, 0), (u32::MAX, 0), (len, 1), (len, u32::MAX - 1)] {
        assert!(refusal(&file(directory_entry(name, 0, len, crc, at, &[]), 1)).contains("damaged"), "{len} {at}");
    }
    assert!(refusal(&zip(&[(name, &dict), (name, &dict)])).contains("it has a/data.pkl twice"));
}

/// Texts of Python 2 are bytes after a short length, its dictionaries are made of lists of pairs, and storages were on
/// a GPU.
#[test]
fn a_file_of_python_2_is_read() {
    let short = |text: &str| [&[b'U', text.len() as u8][..], text.as_bytes()].concat();
    let storage = [
        b"(",
        &short("storage")[..],
        b"ctorch.cuda\nFloatStorage\n",
        &short("140"),
        &short("cuda:0"),
        b"\x8A\x01\x02NtQ",
    ]
    .concat();
    let tensor = [&b"ctorch._utils\n_rebuild_tensor\n("[..], &storage, b"K\x00K\x02\x85K\x01\x85tR"].concat();
    let pairs = [b"]]", &short("weight")[..], b"a", &tensor, b"aa"].concat();
    let object = pickle(&[b"ccollections\nOrderedDict\n", &pairs[..], b"\x85R"].concat());
    let keys = pickle(&[b"]", &short("140")[..], b"a"].concat());
    let bytes = [legacy_start(1001, true), object, keys, 2_u64.to_le_bytes().into(), floats(&[0.5, -1.0])].concat();
    let file = open(&bytes).expect("it is read");
    assert_eq!(file.tensors()[0].name, "weight");
    assert_eq!(file.read_f32(&file.tensors()[0]).expect("it is read"), [0.5, -1.0]);
}
