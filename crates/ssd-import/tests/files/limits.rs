//! Harmful pickles: what they ask for is refused, and takes neither memory nor time.

use crate::build::*;

/// A zip whose pickle makes a value by `body`, with one storage of two numbers.
fn refused(body: &[u8]) -> String {
    refusal(&torch_zip(&pickle(body), &[("0", &[0; 8])]))
}

/// A tensor over that storage.
fn tensor(offset: i64, shape: &[i64], strides: &[i64]) -> Vec<u8> {
    rebuild(&storage("FloatStorage", "0", 2, b""), offset, shape, strides)
}

#[test]
fn instructions_and_names_outside_the_set_are_refused_by_name() {
    let opcodes: [(&[u8], &str); 7] = [
        (b"(S'ls'\nios\nsystem\n", "STRING"),
        (b"(ios\nsystem\n", "INST"),
        (b"}2", "DUP"),
        (b"ctorch\nTensor\n)\x81", "NEWOBJ"),
        (b"\x82\x01", "EXT1"),
        (b"I1\n", "INT"),
        (b"\xFF", "0xFF"),
    ];
    for (body, name) in opcodes {
        let sentence = refused(body);
        assert!(sentence.contains(&format!("instruction {name},")) && sentence.contains("state_dict"), "{sentence}");
    }
    for (body, name) in [
        (&b"cposix\nsystem\n"[..], "posix.system"),
        (b"c__builtin__\neval\n", "__builtin__.eval"),
        (b"ctorch.hub\nload\n", "torch.hub.load"),
        (b"ctorch\nload\n", "torch.load"),
        (b"ctorch\nQInt8Storage\n", "torch.QInt8Storage"),
        (b"X\x02\x00\x00\x00osX\x06\x00\x00\x00system\x93", "os.system"),
        (b"ca\x1b[2J\nb\xc3\xa9\n", "a\u{FFFD}[2J.bé"),
    ] {
        let sentence = refused(body);
        assert!(sentence.contains(&format!("asks for {name},")) && sentence.contains("never executed"), "{sentence}");
    }
    // A refused instruction, or another program's pickle, is refused with what it asks for.
    for body in
        [&b"(S'ls'\nios\nsystem\n"[..], b"(ios\nsystem\n", b"(cos\nsystem\no", b"cargparse\nNamespace\n2cos\nsystem\n"]
    {
        assert!(refused(body).contains("os.system"), "{body:?}: {}", refused(body));
    }
    let raw: [&[u8]; 5] = [
        b"\x80\x02cposix\nsystem\nX\x02\x00\x00\x00ls\x85R.",
        b"\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x02ls\x85R.",
        b"\x80\x04\x8c\x05posix\x94\x8c\x01a\x940\x8c\x06system\x94h\x00h\x02\x93.",
        b"cposix\nsystem\np0\n(S'ls'\np1\ntp2\nRp3\n.",
        b"(S'ls'\niposix\nsystem\n.",
    ];
    for bytes in raw {
        let sentence = refusal(bytes);
        assert!(sentence.contains("asks for posix.system,") && sentence.contains("never executed"), "{sentence}");
    }
    let endless = refused(&[b"c", &[b'a'; 4000][..], b"\nb\n"].concat());
    assert!(endless.len() < 500 && endless.contains('…'), "{endless}");
}

#[test]
fn names_that_run_programs_are_refused_beside_tensors_too() {
    let beside = |value: &[u8]| [b"}(", &text("w")[..], &tensor(0, &[2], &[1]), &text("x"), value, b"u"].concat();
    for (value, name) in [
        (&b"cos\nsystem\n"[..], "os.system"),
        (b"cargparse\nNamespace\ncbuiltins\nexec\nN\x86R", "builtins.exec"),
        (b"csubprocess\nPopen\n)R", "subprocess.Popen"),
        (b"X\x05\x00\x00\x00torchX\x09\x00\x00\x00os.system\x93", "torch.os.system"),
        // A name that the pickle makes itself.
        (b"cbuiltins\nstr\nX\x02\x00\x00\x00os\x85RX\x06\x00\x00\x00system\x93", "builtins.str"),
    ] {
        let sentence = refused(&beside(value));
        assert!(sentence.contains(name) && sentence.contains("never executed"), "{sentence}");
    }
}

#[test]
fn what_is_named_and_must_not_be_called_is_not() {
    for body in [
        &b"ctorch\nFloatStorage\n)R"[..],
        b"ctorch\nTensor\n)R",
        b"ctorch\nfloat32\n)R",
        b")R",
        b"}}R",
        b"ctorch\nSize\n)R",
    ] {
        assert!(refused(body).contains("damaged"), "{body:?}");
    }
    // A tensor subclass that is built by the function for tensor subclasses.
    let nested = b"ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._tensor\n_rebuild_from_type_v2\nctorch\nTensor\n)NtR";
    assert!(refused(nested).contains("damaged"));
}

#[test]
fn tensors_that_do_not_fit_their_storage_are_refused() {
    let max = i64::MAX;
    for (offset, shape, strides) in [
        (0, vec![3], vec![1]),
        (2, vec![1], vec![1]),
        (max, vec![1], vec![1]),
        (0, vec![max], vec![1]),
        (0, vec![2], vec![max]),
        (0, vec![max, max], vec![max, max]),
        (0, vec![1 << 62, 4], vec![0, 0]),
        (0, vec![1 << 40], vec![0]),
    ] {
        let sentence = refused(&tensor(offset, &shape, &strides));
        assert!(sentence.contains("the tensor tensor does not fit"), "{offset} {shape:?} {strides:?}: {sentence}");
    }
    for (offset, shape, strides) in
        [(-1, vec![1], vec![1]), (0, vec![-1], vec![1]), (0, vec![1], vec![-1]), (0, vec![1], vec![])]
    {
        assert!(refused(&tensor(offset, &shape, &strides)).contains("damaged"), "{offset} {shape:?} {strides:?}");
    }
    assert!(refused(&tensor(0, &[1; 17], &[1; 17])).contains("17 sides"));
    for (key, count) in [("0", 3), ("0", max), ("0", -1), ("1", 2), ("../data.pkl", 2)] {
        let wrong = rebuild(&storage("FloatStorage", key, count, b""), 0, &[1], &[1]);
        assert!(refused(&wrong).contains("damaged"), "{key} {count}");
    }
}

#[test]
fn nothing_is_allocated_for_lengths_beyond_the_file() {
    let lengths: [&[u8]; 7] = [
        b"X\xFF\xFF\xFF\xFF",
        b"\x8D\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F",
        b"\x8E\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
        b"\x96\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
        b"B\xFF\xFF\xFF\x7F",
        b"\x8B\xFF\xFF\xFF\x7F",
        b"T\xFF\xFF\xFF\x7F",
    ];
    for body in lengths {
        assert!(refused(body).contains("ends in the middle"), "{body:?}");
    }
    assert!(refused(b"}r\xFF\xFF\xFF\xFF").contains("cannot be reached"));
    assert!(refused(b"j\xFF\xFF\xFF\xFF").contains("does not have"));
    for body in [&b""[..], b"t", b"(.", b"\x85", b"(\x86", b"Na", b"]N(u", b"}(Nu", b"R", b"b", b"Q", b"\x93", b"q\x00"]
    {
        assert!(refused(body).contains("damaged"), "{body:?}");
    }
}

#[test]
fn depth_circles_and_counts_have_an_end() {
    let deep = [b"]".repeat(100_000), b"a".repeat(99_999)].concat();
    assert!(refused(&deep).contains("nested too deep"));
    assert!(refused(b"]q\x00h\x00a").contains("in a circle"));
    assert!(refused(b"}q\x00X\x01\x00\x00\x00ah\x00s").contains("in a circle"));
    // A list of two that are lists of the same two, and so on: 2^40 ways to one tensor.
    let mut laughs = tensor(0, &[2], &[1]);
    for place in 0..40 {
        laughs.extend([b'q', place, b']', b'(', b'h', place, b'h', place, b'e']);
    }
    assert!(refused(&laughs).contains("more than any file"), "{}", refused(&laughs));
    for endless in [b"N", b"}", b"(", b")"] {
        assert!(refused(&endless.repeat(3 << 20)).contains("values"));
    }
    // One list, made a dictionary again and again: each time it would be copied.
    let list = [b"](", &b"NN\x86".repeat(10_000)[..], b"e\x85q\x00"].concat();
    let copies = b"ccollections\nOrderedDict\nh\x00R".repeat(10_000);
    assert!(refused(&[&list[..], &copies].concat()).contains("values"));
    // One storage or tensor, again and again.
    let reference = storage("FloatStorage", "0", 2, b"");
    let reference = [&reference[..reference.len() - 1], b"q\x01"].concat();
    assert!(refused(&[reference, b"h\x01Q".repeat(1 << 17)].concat()).contains("references to storages"));
    let many = [b"](", &tensor(0, &[2], &[1])[..], b"q\x01", &b"h\x01".repeat(1 << 17), b"e"].concat();
    assert!(refused(&many).contains("names of tensors"));
}

#[test]
fn names_have_an_end_and_differ() {
    let one = tensor(0, &[2], &[1]);
    assert!(refused(&[b"}", &text(&"n".repeat(1000))[..], &one, b"s"].concat()).contains("a name of 1000 bytes"));
    let inner = [b"}", &text("b")[..], &one, b"s"].concat();
    let twice = [b"}(", &text("a.b")[..], &one, &text("a"), &inner, b"u"].concat();
    assert!(refused(&twice).contains("two tensors of the file are called a.b"));
    // A tensor whose key cannot be a name is left out.
    let file = [b"}(K\x07", &one[..], b"G\x00\x00\x00\x00\x00\x00\x00\x00", &one, b"N", &one, b"u"].concat();
    let file = open(&torch_zip(&pickle(&file), &[("0", &[0; 8])])).expect("a file");
    assert_eq!(file.tensors().iter().map(|tensor| &tensor.name[..]).collect::<Vec<_>>(), ["7"]);
}
