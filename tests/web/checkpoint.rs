//! A checkpoint as pytorch-ssd's `mb2-ssd-lite` leaves it, made from a weights file of ours: the same numbers under
//! other names, in a safetensors file or in a zip as `torch.save` writes it. No test is here.

use anyhow::{Context, Result, bail, ensure};
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};

/// A tensor under its name there.
pub struct Foreign {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    data: Vec<u8>,
}

/// The tensors of a weights file of ours on MobileNetV2.
pub fn tensors(ours: &[u8]) -> Result<Vec<Foreign>> {
    let file = SafeTensors::deserialize(ours)?;
    let foreign = file.iter().map(|(path, view)| {
        let name = foreign_name(path).with_context(|| format!("{path} has no name there"))?;
        Ok(Foreign { name, dtype: view.dtype(), shape: view.shape().to_vec(), data: view.data().to_vec() })
    });
    foreign.collect()
}

/// pytorch-ssd numbers the parts of a sequence: convolution, norm, activation.
fn foreign_name(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('.').collect();
    let number = |text: &str| text.parse::<usize>().ok();
    // The index in its sequence where a unit (convolution, norm, activation) begins.
    let place = |part: &str, first: bool| match (part, first) {
        ("expand", false) | ("depthwise", true) => Some(0),
        ("depthwise", false) | ("project", true) => Some(3),
        ("project", false) => Some(6),
        _ => None,
    };
    let unit = |sequence: String, begin: usize, rest: &[&str]| match rest {
        ["conv", leaf] => Some(format!("{sequence}.{begin}.{leaf}")),
        ["norm", leaf] => {
            let leaf = match *leaf {
                "gamma" => "weight",
                "beta" => "bias",
                statistic => statistic,
            };
            Some(format!("{sequence}.{}.{leaf}", begin + 1))
        }
        _ => None,
    };
    match parts.as_slice() {
        ["backbone", "stem", rest @ ..] => unit("base_net.0".into(), 0, rest),
        ["backbone", "last", rest @ ..] => unit("base_net.18".into(), 0, rest),
        ["backbone", "blocks", block, part, rest @ ..] => {
            let block = number(block)?;
            unit(format!("base_net.{}.conv", block + 1), place(part, block == 0)?, rest)
        }
        ["backbone", "extras", extra, part, rest @ ..] => {
            unit(format!("extras.{extra}.conv"), place(part, false)?, rest)
        }
        ["heads", level, branch, rest @ ..] => {
            let headers = if *branch == "offsets" { "regression_headers" } else { "classification_headers" };
            match rest {
                ["depthwise", rest @ ..] => unit(format!("{headers}.{level}"), 0, rest),
                ["conv", leaf] if *level == "5" => Some(format!("{headers}.{level}.{leaf}")),
                ["conv", leaf] => Some(format!("{headers}.{level}.3.{leaf}")),
                _ => None,
            }
        }
        _ => None,
    }
}

/// As a safetensors file, with `beside` bytes of another tensor, as training leaves them.
pub fn safetensors_file(tensors: &[Foreign], beside: usize) -> Result<Vec<u8>> {
    let more = Foreign {
        name: "optimizer.state".into(),
        dtype: Dtype::U8,
        shape: vec![beside],
        data: (0..beside).map(|byte| (byte % 251) as u8).collect(),
    };
    let all = tensors.iter().chain((beside > 0).then_some(&more));
    let views =
        all.map(|tensor| Ok((&tensor.name, TensorView::new(tensor.dtype, tensor.shape.clone(), &tensor.data)?)));
    Ok(serialize(views.collect::<Result<Vec<_>>>()?, None)?)
}

/// As today's `torch.save(model.state_dict())` writes it: an uncompressed zip of a pickle and a file for each storage.
pub fn pth_file(tensors: &[Foreign]) -> Result<Vec<u8>> {
    let mut files = vec![("archive/data.pkl".to_owned(), pickle(tensors)?)];
    files.extend(
        tensors.iter().enumerate().map(|(index, tensor)| (format!("archive/data/{index}"), tensor.data.clone())),
    );
    files.push(("archive/version".into(), b"3\n".to_vec()));
    zip(&files)
}

/// An OrderedDict from names to calls that rebuild a tensor from a storage, in protocol 2.
fn pickle(tensors: &[Foreign]) -> Result<Vec<u8>> {
    let mut out = b"\x80\x02ccollections\nOrderedDict\n)R(".to_vec();
    for (index, tensor) in tensors.iter().enumerate() {
        let storage = match tensor.dtype {
            Dtype::F16 => "HalfStorage",
            Dtype::F32 => "FloatStorage",
            other => bail!("there is no storage for {other:?} here"),
        };
        text(&mut out, &tensor.name)?;
        out.extend_from_slice(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        text(&mut out, "storage")?;
        out.extend_from_slice(format!("ctorch\n{storage}\n").as_bytes());
        text(&mut out, &index.to_string())?;
        text(&mut out, "cpu")?;
        integer(&mut out, tensor.shape.iter().product())?;
        out.extend_from_slice(b"tQ");
        integer(&mut out, 0)?;
        let strides = (0..tensor.shape.len()).map(|side| tensor.shape[side + 1..].iter().product());
        for sides in [tensor.shape.clone(), strides.collect()] {
            out.push(b'(');
            sides.into_iter().try_for_each(|side| integer(&mut out, side))?;
            out.push(b't');
        }
        out.extend_from_slice(b"\x89ccollections\nOrderedDict\n)RtR");
    }
    out.extend_from_slice(b"u.");
    Ok(out)
}

fn text(out: &mut Vec<u8>, text: &str) -> Result<()> {
    out.push(b'X');
    out.extend_from_slice(&u32::try_from(text.len())?.to_le_bytes());
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

fn integer(out: &mut Vec<u8>, number: usize) -> Result<()> {
    out.push(b'J');
    out.extend_from_slice(&i32::try_from(number)?.to_le_bytes());
    Ok(())
}

/// A zip of files as they are: local headers with the bytes, then the directory, then its offset.
fn zip(files: &[(String, Vec<u8>)]) -> Result<Vec<u8>> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in files {
        let size = u32::try_from(bytes.len())?;
        let offset = u32::try_from(out.len())?;
        // Version 2.0, no flags, stored, 1 January 1980.
        let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
        for number in [crc32(bytes), size, size] {
            common.extend_from_slice(&number.to_le_bytes());
        }
        common.extend_from_slice(&u16::try_from(name.len())?.to_le_bytes());
        common.extend_from_slice(&[0, 0]);
        out.extend_from_slice(b"PK\x03\x04");
        out.extend_from_slice(&common);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(bytes);
        directory.extend_from_slice(b"PK\x01\x02\x14\0");
        directory.extend_from_slice(&common);
        directory.extend_from_slice(&[0; 10]);
        directory.extend_from_slice(&offset.to_le_bytes());
        directory.extend_from_slice(name.as_bytes());
    }
    let start = u32::try_from(out.len())?;
    let count = u16::try_from(files.len())?.to_le_bytes();
    out.extend_from_slice(&directory);
    out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    out.extend_from_slice(&[count, count].concat());
    out.extend_from_slice(&u32::try_from(directory.len())?.to_le_bytes());
    out.extend_from_slice(&start.to_le_bytes());
    out.extend_from_slice(&[0, 0]);
    ensure!(files.len() < 65_535, "so many files need zip64");
    Ok(out)
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

#[test]
fn names_and_check_sums_are_the_usual_ones() {
    assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    let name = |path| foreign_name(path).unwrap_or_default();
    assert_eq!(name("backbone.stem.norm.running_var"), "base_net.0.1.running_var");
    assert_eq!(name("backbone.blocks.0.project.conv.weight"), "base_net.1.conv.3.weight");
    assert_eq!(name("backbone.blocks.16.project.norm.gamma"), "base_net.17.conv.7.weight");
    assert_eq!(name("backbone.extras.3.depthwise.norm.beta"), "extras.3.conv.4.bias");
    assert_eq!(name("heads.4.offsets.depthwise.norm.gamma"), "regression_headers.4.1.weight");
    assert_eq!(name("heads.0.logits.conv.bias"), "classification_headers.0.3.bias");
    assert_eq!(name("heads.5.logits.conv.bias"), "classification_headers.5.bias");
}
