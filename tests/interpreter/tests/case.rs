//! A problem for a kernel: its text, its buffers, and what it has to compute from them.

use rand_pcg::Pcg32;
use rand_pcg::rand_core::{Rng, SeedableRng};
use ssd_interpreter::{Data, Launch, Outcome, Program, Source};

use crate::kernel::{Precision, Row, TABLE, joined};

/// How many orders of the invocations are tried: forwards, backwards, and at random. One is enough to find a race; the
/// others are for results that depend on the order.
const ORDERS: u64 = 4;

/// What the interpreter puts where anything may be.
pub const ANYTHING: u32 = 0xdead_beef;

/// The members of a kernel's `info` that are not zero.
pub type Info = Vec<(&'static str, Vec<u32>)>;

/// What a variable has to hold in the end.
pub enum Wanted {
    /// Numbers, up to a part of their size.
    Numbers(&'static str, Vec<f32>, f32),
    /// The same for the last numbers of a buffer.
    Tail(&'static str, Vec<f32>, f32),
    /// The same for those numbers that are given; nothing is written to the others.
    Some(&'static str, Vec<Option<f32>>, f32),
    /// Parts that add up to these numbers.
    Sum(&'static str, Vec<f32>, usize, f32),
    /// Words, exactly.
    Words(&'static str, Vec<u32>),
}

/// A problem.
pub struct Case {
    pub label: String,
    pub program: Program,
    pub groups: [u32; 3],
    pub data: Vec<(&'static str, Data)>,
    pub wanted: Vec<Wanted>,
}

/// Runs a case in all orders.
pub fn run(case: &Case) {
    let outcome = explore(case);
    let findings: Vec<String> = outcome.findings.iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "{}:\n{}", case.label, findings.join("\n"));
    case.wanted.iter().for_each(|wanted| compare(&case.label, &outcome, wanted));
}

fn compare(label: &str, outcome: &Outcome, wanted: &Wanted) {
    let near = |name: &str, got: &[f32], wanted: &[f32], tolerance: f32| {
        assert_eq!(got.len(), wanted.len(), "{label}: {name}");
        for (index, (got, wanted)) in got.iter().zip(wanted).enumerate() {
            let near = (got - wanted).abs() <= tolerance * (1.0 + wanted.abs());
            assert!(near, "{label}: {name}[{index}] is {got}, not {wanted}");
        }
    };
    match wanted {
        Wanted::Words(name, words) => assert_eq!(outcome.words(name), *words, "{label}: {name}"),
        Wanted::Numbers(name, wanted, tolerance) => near(name, &outcome.numbers(name), wanted, *tolerance),
        Wanted::Tail(name, wanted, tolerance) => {
            let got = outcome.numbers(name);
            near(name, &got[got.len() - wanted.len()..], wanted, *tolerance);
        }
        Wanted::Some(name, wanted, tolerance) => {
            let (words, got) = (outcome.words(name), outcome.numbers(name));
            let untouched = words.iter().zip(wanted).all(|(word, wanted)| wanted.is_some() || *word == ANYTHING);
            assert!(untouched, "{label}: {name} has more than it should");
            let some = |index: &usize| wanted[*index].is_some();
            let got: Vec<f32> = (0..got.len()).filter(some).map(|index| got[index]).collect();
            near(name, &got, &wanted.iter().copied().flatten().collect::<Vec<f32>>(), *tolerance);
        }
        Wanted::Sum(name, wanted, parts, tolerance) => {
            let got = outcome.numbers(name);
            let sum = |at: usize| (0..*parts).map(|part| got[part * wanted.len() + at]).sum();
            near(name, &(0..wanted.len()).map(sum).collect::<Vec<f32>>(), wanted, *tolerance);
        }
    }
}

pub fn explore(case: &Case) -> Outcome {
    let outcome = Launch::new(&case.program, case.groups, case.data.clone()).explore(ORDERS);
    outcome.unwrap_or_else(|error| panic!("{}: {error}", case.label))
}

fn row(name: &str) -> &'static Row {
    TABLE.iter().find(|row| row.name == name).expect("a kernel of the table")
}

/// Whether a kernel reads or writes numbers whose type is a choice.
pub fn stored(name: &str) -> bool {
    row(name).files.iter().any(|file| file.text.contains("Stored"))
}

/// The text of a kernel, each file changed by `edit`, with constants replaced.
pub fn edited(
    name: &str,
    precision: Precision,
    constants: &[(&str, u32)],
    edit: impl Fn(&str, &str) -> String,
) -> Program {
    let files = joined(row(name).files, stored(name).then_some(precision));
    let files: Vec<(String, String)> =
        files.map(|file| (format!("shaders/{}.wgsl", file.name), edit(file.name, file.text))).collect();
    let mut source = Source::new(files.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    for (constant, value) in constants {
        source = source.with(constant, *value).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    Program::new(source).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The kernel as the GPU gets it.
pub fn program(name: &str, precision: Precision, constants: &[(&str, u32)]) -> Program {
    edited(name, precision, constants, |_, text| text.to_owned())
}

/// How near sums of numbers of this precision have to be.
pub fn tolerance(precision: Precision) -> f32 {
    match precision {
        Precision::Single => 1e-5,
        Precision::Half => 2e-3,
    }
}

/// Numbers drawn at random.
pub struct Draw(Pcg32);

impl Draw {
    pub fn new(seed: u64) -> Self {
        Self(Pcg32::seed_from_u64(seed))
    }

    pub fn below(&mut self, limit: u32) -> u32 {
        self.0.next_u32() % limit
    }

    /// From 0 to 1.
    pub fn fraction(&mut self) -> f32 {
        self.below(1 << 20) as f32 / (1 << 20) as f32
    }

    /// Quarters from -2 to 2, which 16 bits hold exactly.
    pub fn quarters(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.below(17) as f32 / 4.0 - 2.0).collect()
    }

    /// A box in corner form.
    pub fn corner_box(&mut self) -> [f32; 4] {
        let [x, y] = [self.fraction() * 0.7, self.fraction() * 0.7];
        [x, y, x + 0.05 + 0.25 * self.fraction(), y + 0.05 + 0.25 * self.fraction()]
    }
}

pub fn fields(info: Info) -> (&'static str, Data) {
    ("info", Data::Fields(info))
}
