//! Pickles with classes and functions that are not known: passed over beside the tensors, refused in their place.

use ssd_import::{Conversion, Options, TensorFile};

use crate::build::*;

fn tensor() -> Vec<u8> {
    rebuild(&storage("FloatStorage", "0", 2, b""), 0, &[2], &[1])
}

/// A dictionary of values by name.
fn dict(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let entries: Vec<u8> = entries.iter().flat_map(|(name, value)| [text(name), value.to_vec()].concat()).collect();
    [b"}(", &entries[..], b"u"].concat()
}

/// Both formats with this object.
fn files(body: &[u8]) -> [Vec<u8>; 2] {
    let storages: [(&str, &[u8]); 1] = [("0", &floats(&[0.5, -1.0]))];
    [torch_zip(&pickle(body), &storages), legacy(&pickle(body), &storages)]
}

fn names(file: &TensorFile) -> Vec<&str> {
    file.tensors().iter().map(|tensor| &tensor.name[..]).collect()
}

/// An object of a class, with attributes.
fn object(class: &str, attributes: &[u8]) -> Vec<u8> {
    [b"c", class.as_bytes(), b"\n)\x81", attributes, b"b"].concat()
}

/// What people keep beside the weights, as CPython pickles it.
fn beside() -> Vec<(&'static str, Vec<u8>)> {
    let bytes = b"c_codecs\nencode\nX\x01\x00\x00\x00aX\x06\x00\x00\x00latin1\x86R";
    let dtype = b"cnumpy\ndtype\nX\x02\x00\x00\x00f8\x89\x88\x87R(K\x03X\x01\x00\x00\x00<NNN\
        J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb";
    let array = [
        &b"cnumpy._core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85"[..],
        bytes,
        b"\x87R(K\x01K\x02\x85",
        dtype,
        b"\x89",
        bytes,
        b"tb",
    ]
    .concat();
    let scalar = [b"cnumpy._core.multiarray\nscalar\n", &dtype[..], bytes, b"\x86R"].concat();
    let history = object("mmengine.logging.history_buffer\nHistoryBuffer", &dict(&[("_log_history", &array)]));
    let fresh = |class: &str, rest: &[u8]| [b"c", class.as_bytes(), b"\n)\x81", rest].concat();
    vec![
        ("arguments", object("argparse\nNamespace", &dict(&[("lr", b"G\x3f\xb9\x99\x99\x99\x99\x99\x9a")]))),
        ("path", [&b"cpathlib\nPurePosixPath\n("[..], &text("/"), &text("data"), b"tR"].concat()),
        ("scalar", scalar),
        ("date", [b"cdatetime\ndatetime\n", &bytes[..], b"\x85R"].concat()),
        ("generator", [b"(", &text("MT19937")[..], &array, b"K\x02K\x00t"].concat()),
        ("history", history),
        ("queue", fresh("collections\ndeque", b"(K\x01K\x02e")),
        ("one", fresh("collections\ndeque", b"K\x01a")),
        ("mapping", fresh("easydict\nEasyDict", &[b"(", &text("a")[..], b"K\x01u", &text("b"), b"Ns}b"].concat())),
        ("words", fresh("my\nSet", b"(K\x01\x90")),
        ("keywords", b"cmy\nPoint\n)}\x92".to_vec()),
        ("function", b"ctorch.nn.functional\nrelu\n".to_vec()),
        ("member", b"cbuiltins\ngetattr\ncmy\nColour\nX\x03\x00\x00\x00RED\x86R".to_vec()),
        ("by_dots", [&text("my")[..], &text("Outer.Inner"), b"\x93)\x81"].concat()),
        ("of_its_result", b"cmy\nmake\n)R)R}b".to_vec()),
        ("circle", b"cmy\nNode\n)\x81q\x09}X\x04\x00\x00\x00selfh\x09sb".to_vec()),
        ("taken_back", b"(cmy\nNode\n)\x81N1N(0".to_vec()),
        ("default", [&b"ccollections\ndefaultdict\ncmy\nmake\n\x85R"[..], &text("a"), b"K\x01s"].concat()),
        ("kept", object("my\nTracker", &dict(&[("best", &tensor())]))),
        ("other_numbers", rebuild(&storage("QInt8Storage", "0", 8, b""), 0, &[8], &[1])),
        ("size", b"ctorch\nSize\ncnumpy\nint64\n)R\x85\x85R".to_vec()),
    ]
}

#[test]
fn what_stands_beside_the_tensors_is_passed_over() {
    for (name, value) in beside() {
        let body = dict(&[("before", &value), ("model", &dict(&[("w", &tensor())])), (name, &value)]);
        for bytes in files(&body) {
            let file = open(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(names(&file), ["model.w"], "{name}");
            assert_eq!(file.read_f32(&file.tensors()[0]).expect("numbers"), [0.5, -1.0], "{name}");
        }
    }
}

#[test]
fn a_tensor_that_depends_on_an_unknown_class_is_refused_by_its_name() {
    let opaque_shape = [
        &b"ctorch._utils\n_rebuild_tensor_v2\n("[..],
        &storage("FloatStorage", "0", 2, b""),
        b"K\x00cnumpy\nint64\n)R\x85K\x01\x85\x89}tR",
    ]
    .concat();
    let subclass = [
        &b"ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_tensor_v2\ncmy\nQuantised\n("[..],
        &storage("FloatStorage", "0", 2, b""),
        b"K\x00K\x02\x85K\x01\x85\x89}t}tR",
    ]
    .concat();
    let module = object("torch.nn\nLinear", &dict(&[("_parameters", &dict(&[("weight", &tensor())]))]));
    for (value, name) in [
        (opaque_shape, "numpy.int64"),
        (subclass, "my.Quantised"),
        (rebuild(&storage("QInt8Storage", "0", 8, b""), 0, &[8], &[1]), "torch.QInt8Storage"),
        (module, "torch.nn.Linear"),
        ([b"ctorch._utils\n_rebuild_sparse\n", &tensor()[..], b"\x85R"].concat(), "torch._utils._rebuild_sparse"),
    ] {
        for bytes in files(&value) {
            let sentence = refusal(&bytes);
            assert!(sentence.contains(&format!("asks for {name},")), "{sentence}");
        }
        // Beside other tensors it is told once these do not make a network.
        let [bytes, _] = files(&dict(&[("model", &value), ("optimizer", &tensor())]));
        let error = Conversion::new(open(&bytes).expect("a tensor"), &Options::default()).expect_err("no network");
        let sentence = error.to_string();
        assert!(sentence.contains(name) && sentence.contains("as model,"), "{sentence}");
    }
    // What holds no numbers is not blamed.
    let namespace = object("argparse\nNamespace", b"}");
    let [bytes, _] = files(&dict(&[("args", &namespace), ("w", &tensor())]));
    let error = Conversion::new(open(&bytes).expect("a tensor"), &Options::default()).expect_err("no network");
    assert!(error.to_string().contains("no layout"), "{error}");
    let [bytes, _] = files(&dict(&[("args", &namespace)]));
    let sentence = refusal(&bytes);
    assert!(sentence.contains("no tensors") && sentence.contains("argparse.Namespace"), "{sentence}");
}

#[test]
fn a_module_of_a_legacy_file_is_refused_by_its_class() {
    let class =
        [b"(", &text("module")[..], b"c__main__\nNet\n", &text("net.py"), &text("class Net: pass"), b"tQ"].concat();
    let body = [&class[..], b")\x81", &dict(&[("w", &tensor())]), b"b"].concat();
    for bytes in files(&body) {
        assert!(refusal(&bytes).contains("asks for __main__.Net,"), "{}", refusal(&bytes));
    }
}
