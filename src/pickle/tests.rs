use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone, Copy, PartialEq)]
struct OrderedDict;

fn resolve(module: &str, name: &str) -> Option<OrderedDict> {
    (module == "collections" && name == "OrderedDict").then_some(OrderedDict)
}

fn read(bytes: &[u8]) -> Result<Pickle<'_, OrderedDict>, PickleError> {
    Pickle::read(
        bytes,
        &Rules { resolve: &resolve, expected: "collections.OrderedDict", persistent_ids: true },
    )
}

fn refusal(bytes: &[u8]) -> String {
    read(bytes).unwrap_err().to_string()
}

#[test]
fn plain_data_of_every_protocol_is_read() {
    // pickle.dumps({"a": [1, 2.5, None, True], "b": (b"x", -3)}, protocol) for 0, 2 and 4
    let pickles: [&[u8]; 3] = [
        b"(dp0\nVa\np1\n(lp2\nI1\naF2.5\naNaI01\nasVb\np3\n(c_codecs\nencode\np4\n(Vx\np5\nVlatin1\np6\ntp7\nRp8\nI-3\ntp9\ns.",
        b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01]q\x02(K\x01G@\x04\x00\x00\x00\x00\x00\x00N\x88eX\x01\x00\x00\x00bq\x03U\x01xJ\xfd\xff\xff\xff\x86q\x04u.",
        b"\x80\x04\x95\x29\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01a\x94]\x94(K\x01G@\x04\x00\x00\x00\x00\x00\x00N\x88e\x8c\x01b\x94C\x01x\x94J\xfd\xff\xff\xff\x86\x94u.",
    ];
    assert!(
        refusal(pickles[0])
            .contains("names the global _codecs.encode; expected only collections.OrderedDict")
    );
    for bytes in &pickles[1..] {
        let pickle = read(bytes).unwrap();
        assert_eq!(pickle.len(), bytes.len());
        let pairs: Vec<_> = pickle.root().pairs().unwrap().collect();
        assert_eq!(pairs.len(), 2);
        assert_eq!(pairs[0].0.text(), Some("a"));
        let list: Vec<_> = pairs[0].1.items().unwrap().collect();
        assert_eq!(list[0].int(), Some(1));
        assert_eq!(list[1].kind(), "float");
        assert!(list[2].is_none());
        assert_eq!(list[3].bool(), Some(true));
        let [bytes, int] = pairs[1].1.tuple().unwrap();
        assert_eq!(bytes.bytes(), Some(&b"x"[..]));
        assert_eq!(int.int(), Some(-3));
    }
}

#[test]
fn protocol_0_text_and_strings_are_read() {
    let pickle = read(b"(V\xe9\\u4e2d\\U0001f600\\x\nS'a\\n\\x41\\'\\\\'\nL-12345678901L\nI00\nl.").unwrap();
    let items: Vec<_> = pickle.root().items().unwrap().collect();
    assert_eq!(items[0].text(), Some("é中😀\\x"));
    assert_eq!(items[1].bytes(), Some(&b"a\nA'\\"[..]));
    assert_eq!(items[2].int(), Some(-12_345_678_901));
    assert_eq!(items[3].bool(), Some(false));
    for broken in
        [&b"V\\u12\n."[..], b"V\\ud800\n.", b"S'a\n.", b"S'\\q'\n.", b"S\n.", b"Ix\n.", b"L1", b"F1.2.3\n."]
    {
        assert!(read(broken).is_err(), "{broken:?}");
    }
}

#[test]
fn integers_are_sign_extended() {
    let pickle = read(b"(\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19\x8a\x01\xff\x8a\x00\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\x00t.").unwrap();
    let items: Vec<_> = pickle.root().items().unwrap().collect();
    // The magic number at the head of PyTorch's older checkpoints.
    assert_eq!(items[0].big_int(), Some(0x1950_a86a_20f9_469c_fc6c));
    assert_eq!(items[0].int(), None);
    assert_eq!(items[1].int(), Some(-1));
    assert_eq!(items[2].int(), Some(0));
    assert_eq!(items[3].big_int(), Some(i128::from(u64::MAX)));
}

#[test]
fn calls_are_written_down_not_made() {
    // collections.OrderedDict() with an item and a state
    let pickle = read(b"\x80\x02ccollections\nOrderedDict\n)R(U\x01kK\x07u}b.").unwrap();
    let call = pickle.root().call().unwrap();
    assert_eq!(call.callable, OrderedDict);
    assert_eq!(call.args.items().unwrap().len(), 0);
    assert_eq!(call.state.unwrap().kind(), "dict");
    let pairs: Vec<_> = call.pairs().collect();
    assert_eq!((pairs[0].0.text(), pairs[0].1.int()), (Some("k"), Some(7)));
}

#[test]
fn every_way_to_name_a_global_is_refused_by_name() {
    let pickles: [&[u8]; 4] = [
        b"cposix\nsystem\n(S'touch pwned'\ntR.",
        b"(S'touch pwned'\niposix\nsystem\n.",
        b"(cposix\nsystem\nS'touch pwned'\no.",
        b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x0btouch pwned\x85R.",
    ];
    for bytes in pickles {
        let message = refusal(bytes);
        assert!(
            message.contains("names the global posix.system; expected only collections.OrderedDict"),
            "{message}"
        );
    }
    assert!(refusal(b"\x80\x02\x82\x01.").contains("EXT: a global by its number"));
    assert!(!std::path::Path::new("pwned").exists());
}

#[test]
fn a_refused_name_is_shown_short_and_escaped() {
    let mut bytes = b"c\x1b[31m".to_vec();
    bytes.extend([b'a'; 500]);
    bytes.extend(b"\nx\n.");
    let message = refusal(&bytes);
    assert!(message.len() < 300 && message.contains("\\u{1b}[31maaa"), "{message}");
}

#[test]
fn lengths_are_held_against_the_bytes_left() {
    let huge: [&[u8]; 9] = [
        b"\x8e\xff\xff\xff\xff\xff\xff\xff\xff.",
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\x7f.",
        b"\x96\x00\x00\x00\x00\x00\x01\x00\x00.",
        b"B\xff\xff\xff\xff.",
        b"X\xff\xff\xff\x7f.",
        b"T\xff\xff\xff\xff.",
        b"\x8b\xff\xff\xff\x7f.",
        b"\x8b\xff\xff\xff\xff.",
        b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xff.",
    ];
    for bytes in huge {
        let message = refusal(bytes);
        assert!(message.contains("expected") || message.contains("claims"), "{message}");
    }
}

#[test]
fn what_is_not_a_pickle_is_refused() {
    let pickles: [(&[u8], &str); 12] = [
        (b"", "expected 1 more bytes, found 0"),
        (b".", "expected an object on the stack"),
        (b"\x80\x06.", "expected pickle protocol 0 to 5, found 6"),
        (b"NN.", "expected one object at the end, found 1 more"),
        (b"(.", "expected an object on the stack"),
        (b"N(e.", "expected a list to append to"),
        (b"t.", "expected a mark on the stack"),
        (b"\x8f.", "the opcode EMPTY_SET"),
        (b"\xff.", "the byte 0xff"),
        (b"h\x05.", "memo 5 is used before it is set"),
        (b"(Nd.", "a key without a value"),
        (b"N)R.", "expected an allowed global to be called"),
    ];
    for (bytes, expected) in pickles {
        let message = refusal(bytes);
        assert!(message.contains(expected), "{bytes:?}: {message}");
    }
}

#[test]
fn storages_are_only_for_those_who_ask_for_them() {
    let rules = Rules { resolve: &resolve, expected: "nothing", persistent_ids: false };
    for bytes in [&b"NQ."[..], b"Pid\n."] {
        assert!(Pickle::read(bytes, &rules).is_err());
        assert!(read(bytes).unwrap().root().persistent_id().is_some());
    }
}

#[test]
fn a_cycle_is_refused() {
    // A list in itself, a dict in itself, two lists in each other.
    for bytes in [
        &b"]q\x00h\x00a."[..],
        b"}q\x00Nh\x00s.",
        b"]q\x00]q\x01h\x00aa.",
        b"ccollections\nOrderedDict\n)Rq\x00h\x00b.",
    ] {
        assert!(refusal(bytes).contains("contains itself"), "{bytes:?}");
    }
}

#[test]
fn deep_nesting_is_refused_without_recursion() {
    let nested = |levels: usize| {
        let mut bytes = b"]".repeat(levels);
        bytes.extend(b"a".repeat(levels - 1));
        bytes.push(b'.');
        bytes
    };
    assert!(read(&nested(MAX_DEPTH)).is_ok());
    assert!(refusal(&nested(MAX_DEPTH + 1)).contains("levels of nesting"));
    assert!(refusal(&nested(1_000_000)).contains("levels of nesting"));
    assert!(refusal(&b"(".repeat(1_000_000)).contains("open marks"));
    // The deep part comes first and is met again further down, when it is done.
    let mut bytes = b"(".to_vec();
    bytes.extend(&nested(MAX_DEPTH - 1)[..(MAX_DEPTH - 1) * 2 - 1]);
    bytes.extend(b"q\x00]]h\x00aal.");
    assert!(refusal(&bytes).contains("levels of nesting"));
}

#[test]
fn exponential_sharing_costs_nothing() {
    // Each of 60 lists holds the one before it twice: 2^60 leaves if it were copied.
    let mut bytes = b"]".to_vec();
    for _ in 0..60 {
        bytes.extend(b"q\x000]h\x00ah\x00a");
    }
    bytes.push(b'.');
    let pickle = read(&bytes).unwrap();
    assert_eq!(pickle.root().items().unwrap().len(), 2);
}

#[test]
fn the_number_of_objects_is_capped() {
    let mut bytes = b"(".to_vec();
    bytes.extend(b"N".repeat(MAX_OBJECTS + 1));
    bytes.extend(b"l.");
    assert!(refusal(&bytes).contains("expected at most 2000000 objects"));
    let mut bytes = b"N".to_vec();
    bytes.extend(b"\x94".repeat(MAX_OBJECTS + 1));
    assert!(refusal(&bytes).contains("expected at most 2000000 remembered objects"));
    let mut bytes = b"N".to_vec();
    bytes.extend(b"2".repeat(MAX_OBJECTS + 1));
    assert!(refusal(&bytes).contains("expected at most 2000000 uses"));
}

#[test]
fn every_truncation_is_refused() {
    let bytes = b"\x80\x04\x95\x29\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01a\x94]\x94(K\x01G@\x04\x00\x00\x00\x00\x00\x00N\x88e\x8c\x01b\x94C\x01x\x94J\xfd\xff\xff\xff\x86\x94u.";
    for len in 0..bytes.len() {
        assert!(read(&bytes[..len]).is_err(), "{len} bytes");
    }
}

/// Bytes that are opcodes more often than not.
fn opcodes() -> impl Strategy<Value = Vec<u8>> {
    let likely = b"().012GIJKLMNQRSTUVXabcdeghijlopqrstu]}BC\x80\x81\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x93\x94\x95\x96\n\x00\x01".to_vec();
    prop::collection::vec(prop_oneof![4 => prop::sample::select(likely), 1 => any::<u8>()], 0..300)
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in opcodes()) {
        if let Ok(pickle) = read(&bytes) {
            prop_assert!(pickle.len() <= bytes.len());
            prop_assert!(!pickle.root().kind().is_empty());
        }
    }
}
