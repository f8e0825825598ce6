//! Files that are cut, changed or made up: no panic, a sentence, no more memory than the file takes, and never wrong
//! numbers where there is a check sum.

use std::path::Path;

use proptest::prelude::*;
use ssd::weights::Dtype;
use ssd_import::{Conversion, FileError, Format, Options, TensorFile};

use crate::build::*;
use crate::detector::{Detector, Stored, detector};

/// Small files as PyTorch and safetensors wrote them.
const SEEDS: [&str; 9] = [
    "shapes-zip.pth",
    "values-zip.pth",
    "values-protocol4.pth",
    "parameters-zip.pth",
    "shapes-legacy.pth",
    "checkpoint-legacy.pth",
    "values-legacy.pth",
    "shapes-protocol4-legacy.pth",
    "dtypes.safetensors",
];

fn seed(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/pytorch-files");
    std::fs::read(folder.join(name)).expect("a fixture")
}

/// A tensor with its numbers, bit by bit.
type Read = (String, Vec<usize>, Result<Vec<u32>, String>);

/// Reads all of a file; an error has to be a sentence for people.
fn read_all(bytes: &[u8]) -> Result<Vec<Read>, FileError> {
    let file = open(bytes).inspect_err(sentence)?;
    let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect();
    let read = |file: &TensorFile, i: usize| {
        let tensor = &file.tensors()[i];
        let values = file.read_f32(tensor).inspect_err(sentence);
        (tensor.name.clone(), tensor.shape.clone(), values.map(bits).map_err(|error| error.to_string()))
    };
    Ok((0..file.tensors().len()).map(|i| read(&file, i)).collect())
}

fn sentence(error: &FileError) {
    readable(&error.to_string());
}

fn readable(text: &str) {
    let readable = text.len() < 800 && text.contains(' ') && !text.chars().any(char::is_control);
    assert!(readable, "{text:?}");
}

#[test]
fn a_file_that_is_cut_anywhere_is_refused() {
    for name in SEEDS {
        let bytes = seed(name);
        assert!(read_all(&bytes).is_ok(), "{name}");
        for len in 0..bytes.len() {
            assert!(read_all(&bytes[..len]).is_err(), "{name}, cut at {len}");
        }
    }
}

#[test]
fn a_bit_that_is_flipped_in_a_zip_changes_no_number_unnoticed() {
    for name in SEEDS.iter().filter(|name| name.ends_with("zip.pth")) {
        let bytes = seed(name);
        let whole = read_all(&bytes).expect(name);
        let mut noticed = 0;
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            match read_all(&bytes) {
                Ok(read) => {
                    for (now, before) in read.iter().zip(&whole) {
                        assert!(now.2.is_err() || now == before, "{name}, bit {bit}: {now:?} was {before:?}");
                        noticed += usize::from(now.2.is_err());
                    }
                    assert_eq!(read.len(), whole.len(), "{name}, bit {bit}");
                }
                Err(_) => noticed += 1,
            }
        }
        // The rest is padding, times and versions, which do not matter for the tensors.
        assert!(noticed > bytes.len(), "{name}: {noticed} of {} bits", bytes.len() * 8);
    }
}

#[test]
fn a_bit_that_is_flipped_elsewhere_is_survived() {
    for name in SEEDS.iter().filter(|name| !name.ends_with("zip.pth")) {
        let bytes = seed(name);
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let _ = read_all(&bytes);
        }
    }
}

/// A file with some bytes changed, cut out or repeated.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec((any::<prop::sample::Index>(), 0..64_usize, any::<u8>(), 0..4), 1..6);
    (prop::sample::select(SEEDS.to_vec()), changes).prop_map(|(name, changes)| {
        let mut bytes = seed(name);
        for (at, len, byte, kind) in changes.into_iter() {
            let at = at.index(bytes.len());
            let part = at..(at + len).min(bytes.len());
            match kind {
                0 => bytes.splice(at..at, [byte]).for_each(drop),
                1 if part.len() < bytes.len() => bytes.splice(part, []).for_each(drop),
                2 => {
                    let copy = bytes[part].to_vec();
                    bytes.splice(at..at, copy).for_each(drop);
                }
                _ => bytes[at] = byte,
            }
        }
        bytes
    })
}

/// Known instructions in any order, with bytes and texts between them that some of them understand.
fn program() -> impl Strategy<Value = Vec<u8>> {
    let opcodes: Vec<Vec<u8>> =
        b"N\x88\x89)]}(taeusbRQ.01\x81\x85\x86\x87\x8F\x90\x91\x92\x93\x94".iter().map(|op| vec![*op]).collect();
    let longer = ["torch", "storage", "os", "0", "weight"].map(text).into_iter();
    let globals = ["torch\nFloatStorage", "torch._utils\n_rebuild_tensor_v2", "torch._tensor\n_rebuild_from_type_v2"];
    let more = ["collections\nOrderedDict", "torch\nSize", "torch\nfloat16", "torch._utils\n_rebuild_parameter"];
    let opaque = ["argparse\nNamespace", "collections\ndeque", "torch\nQInt8Storage"];
    let globals = globals.into_iter().chain(more).chain(opaque).map(|name| format!("c{name}\n").into_bytes());
    let values = [
        storage("FloatStorage", "0", 2, b""),
        numbers(&[1, 2]),
        rebuild(&storage("FloatStorage", "0", 2, b""), 0, &[2], &[1]),
    ];
    let memo = (0..4_u8).flat_map(|place| [vec![b'q', place], vec![b'h', place], vec![b'K', place]]);
    let all: Vec<Vec<u8>> = opcodes.into_iter().chain(longer).chain(globals).chain(values).chain(memo).collect();
    prop::collection::vec(prop::sample::select(all), 0..40).prop_map(|parts| pickle(&parts.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn changed_files_are_survived(bytes in mutated()) {
        let _ = read_all(&bytes);
    }

    #[test]
    fn any_program_is_survived(program in program()) {
        let _ = read_all(&torch_zip(&program, &[("0", &[0; 8])]));
        let _ = read_all(&legacy(&program, &[("0", &[0; 8])]));
    }

    #[test]
    fn any_bytes_are_survived(start in 0..4_usize, bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let starts = [Vec::new(), b"PK\x03\x04".to_vec(), legacy_start(1001, true), b"\x40\0\0\0\0\0\0\0{".to_vec()];
        let _ = read_all(&[&starts[start][..], &bytes].concat());
        let _ = read_all(&torch_zip(&bytes, &[("0", &[0; 8])]));
    }
}

/// A TensorFlow Lite file with some bytes or numbers changed, cut out or repeated.
fn mutated_detector() -> impl Strategy<Value = Vec<u8>> {
    let value = prop::sample::select(vec![0, 1, 2, 3, 4, 8, 0x7F, 0xFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, u32::MAX]);
    let value = prop_oneof![value, any::<u32>(), 0..100_000_u32];
    let changes = prop::collection::vec((any::<prop::sample::Index>(), 0..64_usize, value, 0..6), 1..6);
    let stored = prop::sample::select(vec![Stored::Bytes, Stored::ByChannel, Stored::Halves]);
    (stored, changes).prop_map(|(stored, changes)| {
        let mut bytes = detector(&Detector { stored, ..Detector::default() });
        for (at, len, value, kind) in changes {
            let at = at.index(bytes.len());
            let part = at..(at + len).min(bytes.len());
            match kind {
                0 => bytes.splice(part, []).for_each(drop),
                1 => {
                    let copy = bytes[part].to_vec();
                    bytes.splice(at..at, copy).for_each(drop);
                }
                2 => bytes[at] = value as u8,
                3 => bytes.truncate(at.max(8)),
                // Most of the structure is numbers of four bytes.
                _ => {
                    let at = (at / 4 * 4).min(bytes.len() - 4);
                    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
                }
            }
            if bytes.len() < 16 {
                bytes.resize(16, 0);
            }
        }
        bytes
    })
}

/// As many as the environment asks for: the project's own figure is a million.
fn mutations(usual: u32) -> ProptestConfig {
    let asked = std::env::var("SSD_MUTATIONS").ok().and_then(|count| count.parse().ok());
    ProptestConfig { cases: asked.unwrap_or(usual), ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(mutations(2000))]

    #[test]
    fn changed_graphs_are_survived(bytes in mutated_detector()) {
        let _ = read_all(&bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn changed_graphs_convert_or_are_refused_with_a_sentence(bytes in mutated_detector()) {
        if let Ok(file) = open(&bytes) {
            let converted = Conversion::new(file, &Options::default());
            let converted = converted.and_then(|found| found.to_bytes(Dtype::F16, &mut |_, _| {}));
            if let Err(error) = converted {
                readable(&error.to_string());
            }
        }
    }
}

#[test]
fn a_graph_that_is_cut_anywhere_is_refused() {
    let bytes = detector(&Detector::default());
    assert!(read_all(&bytes).is_ok());
    for len in (0..bytes.len()).step_by(7) {
        assert!(read_all(&bytes[..len]).is_err(), "cut at {len}");
    }
}

#[test]
fn the_seeds_are_of_all_formats() {
    let formats: Vec<Format> = SEEDS.iter().map(|name| open(&seed(name)).expect(name).format()).collect();
    for format in [Format::LegacyPickle, Format::ZipPickle, Format::Safetensors] {
        assert!(formats.contains(&format), "{format}");
    }
}

/// The most memory that this process has had, in KiB; `None` where the system does not say.
fn most_memory_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[test]
fn memory_stays_below_a_limit_whatever_a_pickle_asks_for() {
    // The costliest by the byte: dictionaries and tuples without number, and texts.
    let short = text("abcd");
    let (class, list) = (b"ca\nb\nq\x00", b"]q\x01");
    for costly in [&b"}"[..], b"]", b"N\x85", b"(", &short, class, b"h\x00)\x81", b"h\x00h\x01R0", b"h\x00NNs0"] {
        let costly = [class, &list[..], costly].concat();
        let _ = read_all(&torch_zip(&pickle(&costly.repeat((8 << 20) / costly.len())), &[("0", &[0; 8])]));
    }
    if let Some(kib) = most_memory_kib() {
        assert!(kib < 300 << 10, "{kib} KiB");
    }
}
