//! The test of the test: small kernels with a fault of each kind, which is found at its line, and their cure, in which
//! nothing is found.

use ssd_interpreter::{Data, Finding, Kind, Launch, Program, Source};

/// A kernel of 8 threads; `BODY` begins at line 6.
const HEAD: &str = "@group(0) @binding(0) var<storage, read> input: array<u32>;
@group(0) @binding(1) var<storage, read_write> output: array<u32>;
var<workgroup> words: array<u32, 8>;
@compute @workgroup_size(8, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
";

fn findings(body: &str, groups: u32) -> Vec<Finding> {
    // So that both buffers are used, and the second is written.
    let text = format!("{HEAD}{body}  output[group.x * 8u + local] = input[local];\n}}\n");
    let program = Program::new(Source::new([("planted.wgsl", text.as_str())]));
    let program = program.unwrap_or_else(|error| panic!("{error}\n{text}"));
    let data = vec![("input", Data::Words((0..8).collect())), ("output", Data::Anything(8 * groups as usize))];
    Launch::new(&program, [groups, 1, 1], data).explore(4).unwrap_or_else(|error| panic!("{error}")).findings
}

/// Kinds and lines. The body begins at line 6.
fn found(body: &str, groups: u32) -> Vec<(Kind, usize)> {
    let mut found: Vec<(Kind, usize)> =
        findings(body, groups).iter().map(|finding| (finding.kind, finding.place.line)).collect();
    found.dedup();
    found
}

#[test]
fn threads_that_write_one_word_race() {
    assert_eq!(found("  words[0] = local;\n", 1), [(Kind::Race, 6)]);
    assert_eq!(found("  words[local / 2u] = local;\n", 1), [(Kind::Race, 6)]);
    assert_eq!(found("  words[local] = local;\n", 1), []);
}

#[test]
fn a_word_that_a_neighbour_wrote_waits_for_a_barrier() {
    let read = "let other = words[(local + 1u) % 8u];\n";
    let raced = found(&format!("  words[local] = local;\n  {read}"), 1);
    // In some orders it is read too early, in others it is written too late.
    assert!(raced.contains(&(Kind::Race, 7)) && raced.contains(&(Kind::Race, 6)), "{raced:?}");
    assert_eq!(found(&format!("  words[local] = local;\n  workgroupBarrier();\n  {read}"), 1), []);
    // This one orders storage, not workgroup memory.
    let raced = found(&format!("  words[local] = local;\n  storageBarrier();\n  {read}"), 1);
    assert_eq!(raced, [(Kind::Race, 8)]);
}

#[test]
fn a_loop_needs_a_barrier_at_its_end_too() {
    let rounds = |end: &str| {
        let body = "    words[local] = round;
    workgroupBarrier();
    let other = words[7u - local];";
        found(&format!("  for (var round = 0u; round < 3u; round++) {{\n{body}\n{end}  }}\n"), 1)
    };
    let raced = rounds("");
    assert!(raced.contains(&(Kind::Race, 7)) || raced.contains(&(Kind::Race, 9)), "{raced:?}");
    assert!(raced.iter().all(|(kind, _)| *kind == Kind::Race), "{raced:?}");
    assert_eq!(rounds("    workgroupBarrier();\n"), []);
}

#[test]
fn workgroups_race_for_storage_whatever_their_barriers() {
    let write = "  if (local == 0u) {\n    output[0] = 1u;\n  }\n  storageBarrier();\n";
    assert!(found(write, 2).contains(&(Kind::Race, 7)));
    assert_eq!(found(write, 1), []);
    let neighbours = "  output[local] = 1u;\n  workgroupBarrier();\n  let other = output[7u - local];\n";
    assert_eq!(found(neighbours, 1)[0], (Kind::Race, 8), "workgroupBarrier does not order storage");
}

#[test]
fn an_index_beyond_its_buffer_or_array_is_found() {
    assert_eq!(found("  let other = input[local + 1u];\n", 1), [(Kind::Outside, 6)]);
    assert_eq!(found("  output[local + 8u] = 1u;\n", 1), [(Kind::Outside, 6)]);
    assert_eq!(found("  words[local - 1u] = 1u;\n", 1), [(Kind::Outside, 6)]);
    assert_eq!(found("  var own = vec4<u32>(1u);\n  own[local] = 2u;\n", 1), [(Kind::Outside, 7)]);
    assert_eq!(found("  let other = input[arrayLength(&input) - 1u - local];\n", 1), []);
}

#[test]
fn memory_that_nothing_was_written_to_is_not_read() {
    assert_eq!(found("  let other = words[local];\n", 1), [(Kind::Unwritten, 6)]);
    assert_eq!(found("  let other = output[local];\n", 1), [(Kind::Unwritten, 6)]);
    assert_eq!(found("  words[local] = 1u;\n  let other = words[local];\n", 1), []);
}

#[test]
fn workgroup_memory_is_new_in_each_workgroup() {
    let body = "  if (group.x == 0u) {\n    words[local] = 1u;\n  }\n  let other = words[local];\n";
    assert_eq!(found(body, 2), [(Kind::Unwritten, 9)]);
}

#[test]
fn a_barrier_that_some_threads_do_not_reach_is_found() {
    assert_eq!(found("  if (local < 4u) {\n    workgroupBarrier();\n  }\n", 1), [(Kind::Divergent, 7)]);
    assert_eq!(found("  if (local == 3u) {\n    return;\n  }\n  workgroupBarrier();\n", 1), [(Kind::Divergent, 9)]);
    let uneven = "  for (var i = 0u; i < 2u + local / 7u; i++) {\n    workgroupBarrier();\n  }\n";
    assert_eq!(found(uneven, 1), [(Kind::Divergent, 7)]);
    assert_eq!(found("  for (var i = 0u; i < input[2]; i++) {\n    workgroupBarrier();\n  }\n", 1), []);
}

#[test]
fn two_barriers_are_not_one() {
    let body = "  if (local < 4u) {\n    workgroupBarrier();\n  } else {\n    workgroupBarrier();\n  }\n";
    let found = findings(body, 1);
    let lines: Vec<_> = found.iter().map(|f| (f.kind, f.other.as_ref().map(|other| other.line))).collect();
    assert!(lines.iter().all(|(kind, line)| *kind == Kind::Divergent && line.is_some()), "{found:?}");
    assert!(!lines.is_empty());
}

/// The same barrier, in another round: two threads are one round ahead, and all reach it equally often.
#[test]
fn a_barrier_is_reached_in_the_same_round_by_all() {
    let body = "  for (var i = 0u; i < 3u; i++) {
    if (i == local % 2u) {
      continue;
    }
    workgroupBarrier();
  }
";
    assert_eq!(found(body, 1), [(Kind::Divergent, 10)]);
}

#[test]
fn atomics_do_not_race_but_what_they_return_depends_on_the_order() {
    let kernel = |write: &str| {
        let text = format!(
            "@group(0) @binding(0) var<storage, read_write> output: array<u32>;
var<workgroup> next: atomic<u32>;
@compute @workgroup_size(8, 1, 1)
fn main(@builtin(local_invocation_index) local: u32) {{
  if (local == 0u) {{
    atomicStore(&next, 0u);
  }}
  workgroupBarrier();
  let mine = atomicAdd(&next, 1u);
  {write}
}}
"
        );
        let program = Program::new(Source::new([("planted.wgsl", text.as_str())])).expect("valid WGSL");
        let launch = Launch::new(&program, [1, 1, 1], vec![("output", Data::Anything(8))]);
        launch.explore(4).expect("all is bound").findings
    };
    let found = kernel("output[mine] = local;");
    assert_eq!(found.iter().map(|f| (f.kind, f.place.line)).collect::<Vec<_>>(), [(Kind::Order, 1)]);
    assert_eq!(kernel("output[mine] = mine;"), []);
}

#[test]
fn a_loop_without_end_is_left() {
    assert_eq!(found("  while (input[1] == 1u) {\n  }\n", 1)[0].0, Kind::Endless);
}

#[test]
fn a_finding_says_where_the_other_invocation_is() {
    let found = findings("  words[local] = local;\n  words[local / 2u] = 1u;\n", 1);
    let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
    let wanted = "planted.wgsl:7: a race for a word of `words`; the other invocation: planted.wgsl:6";
    assert!(texts.iter().any(|text| text == wanted), "{texts:?}");
}
