//! A dispatch, run in one order: workgroup by workgroup, and within one in turns of random length from barrier to
//! barrier.

mod step;

use std::collections::BTreeSet;

use naga::{Barrier, BuiltIn};
use rand_pcg::Pcg32;
use rand_pcg::rand_core::{Rng, SeedableRng};

use crate::finding::{Finding, Kind};
use crate::memory::Cells;
use crate::program::{Op, Program};

/// Instructions of a workgroup, all invocations together. Kernels on the small problems of a test need far fewer.
const STEPS_MAX: usize = 6_000_000;

/// A texture: its width, and its texels row by row.
#[derive(Debug, Clone)]
pub(crate) struct Picture {
    pub(crate) width: u32,
    pub(crate) texels: Vec<[f32; 4]>,
}

pub(crate) struct Machine<'a> {
    program: &'a Program,
    /// Of each variable; a texture has none.
    pub(crate) memory: Vec<Cells>,
    pictures: &'a [Option<Picture>],
    random: Pcg32,
    /// Whether turns are cut short.
    interleaved: bool,
    group: u32,
    /// Instructions that the workgroup has run.
    steps: usize,
    /// Barriers that the workgroup has passed: for storage, and for workgroup memory.
    storage_phase: u32,
    workgroup_phase: u32,
    pub(crate) findings: BTreeSet<Finding>,
    /// What was found, by kind and instructions, so that a line is looked up once.
    seen: BTreeSet<(Kind, usize, Option<usize>)>,
}

/// One invocation of a workgroup.
struct Invocation {
    number: u32,
    op: usize,
    registers: Vec<u32>,
}

/// Why an invocation stopped.
enum Stop {
    Turn,
    Barrier,
    End,
    /// It will not end.
    Never,
}

impl<'a> Machine<'a> {
    /// Order 0 runs whole invocations in their order, 1 in the reverse one, and every other one as chance has it.
    pub(crate) fn new(program: &'a Program, memory: Vec<Cells>, pictures: &'a [Option<Picture>], order: u64) -> Self {
        Self {
            program,
            memory,
            pictures,
            random: Pcg32::seed_from_u64(order),
            interleaved: order > 1,
            group: 0,
            steps: 0,
            storage_phase: 0,
            workgroup_phase: 0,
            findings: BTreeSet::new(),
            seen: BTreeSet::new(),
        }
    }

    /// Runs all workgroups.
    pub(crate) fn run(&mut self, groups: [u32; 3], order: u64) {
        let mut all: Vec<u32> = (0..groups.iter().product()).collect();
        self.shuffle(&mut all, order);
        for group in all {
            let id = [group % groups[0], group / groups[0] % groups[1], group / groups[0] / groups[1]];
            self.run_group(group, id, groups, order);
            if self.seen.iter().any(|(kind, ..)| *kind == Kind::Endless) {
                return;
            }
        }
    }

    fn shuffle(&mut self, all: &mut [u32], order: u64) {
        match order {
            0 => {}
            1 => all.reverse(),
            _ => (1..all.len()).for_each(|last| all.swap(last, self.below(last + 1))),
        }
    }

    fn below(&mut self, limit: usize) -> usize {
        self.random.next_u32() as usize % limit.max(1)
    }

    fn run_group(&mut self, group: u32, id: [u32; 3], groups: [u32; 3], order: u64) {
        (self.group, self.steps, self.storage_phase, self.workgroup_phase) = (group, 0, 0, 0);
        for (variable, cells) in self.program.variables.iter().zip(&mut self.memory) {
            if variable.space == naga::AddressSpace::WorkGroup {
                *cells = Cells::new(vec![0xdead_beef; cells.values.len()], cells.unit, true, true);
            }
        }
        let mut invocations: Vec<Invocation> =
            (0..self.program.invocations()).map(|number| self.invocation(number, id, groups)).collect();
        loop {
            let mut running: Vec<u32> = (0..self.program.invocations()).collect();
            self.shuffle(&mut running, order);
            // The next one is taken from the end.
            running.reverse();
            let (mut waiting, mut ended) = (Vec::new(), Vec::new());
            while !running.is_empty() {
                let at = if self.interleaved { self.below(running.len()) } else { running.len() - 1 };
                let number = running[at];
                let turn = if self.interleaved { 1 << self.below(12) } else { STEPS_MAX };
                match self.advance(&mut invocations[number as usize], turn) {
                    Stop::Turn => continue,
                    Stop::Barrier => waiting.push(number as usize),
                    Stop::End => ended.push(number as usize),
                    Stop::Never => return,
                }
                running.swap_remove(at);
            }
            if !self.pass_barrier(&mut invocations, &waiting, &ended) {
                return;
            }
        }
    }

    fn invocation(&self, number: u32, group: [u32; 3], groups: [u32; 3]) -> Invocation {
        let threads = self.program.threads;
        let local = [number % threads[0], number / threads[0] % threads[1], number / threads[0] / threads[1]];
        let mut registers = self.program.registers.clone();
        for (builtin, to) in &self.program.builtins {
            let words = match builtin {
                BuiltIn::WorkGroupId => group.to_vec(),
                BuiltIn::NumWorkGroups => groups.to_vec(),
                BuiltIn::LocalInvocationId => local.to_vec(),
                BuiltIn::LocalInvocationIndex => vec![number],
                _ => (0..3).map(|axis| group[axis] * threads[axis] + local[axis]).collect(),
            };
            registers[*to as usize..][..words.len()].copy_from_slice(&words);
        }
        Invocation { number, op: 0, registers }
    }

    /// Lets the workgroup go on after a barrier that all have reached. `false`: it is over.
    fn pass_barrier(&mut self, invocations: &mut [Invocation], waiting: &[usize], ended: &[usize]) -> bool {
        let Some(&first) = waiting.first() else { return false };
        let (op, program) = (invocations[first].op, self.program);
        let Op::Barrier { of, rounds } = &program.ops[op] else { return false };
        let counters = |invocation: &Invocation| -> Vec<u32> {
            rounds.iter().map(|register| invocation.registers[*register as usize]).collect()
        };
        let wanted = counters(&invocations[first]);
        if let Some(&elsewhere) = waiting.iter().find(|other| invocations[**other].op != op) {
            self.find(Kind::Divergent, op, None, Some(invocations[elsewhere].op));
            return false;
        }
        if !ended.is_empty() || waiting.iter().any(|other| counters(&invocations[*other]) != wanted) {
            self.find(Kind::Divergent, op, None, None);
            return false;
        }
        self.storage_phase += u32::from(of.contains(Barrier::STORAGE));
        self.workgroup_phase += u32::from(of.contains(Barrier::WORK_GROUP));
        waiting.iter().for_each(|number| invocations[*number].op += 1);
        true
    }

    /// Notes what is wrong at an instruction.
    fn find(&mut self, kind: Kind, op: usize, variable: Option<usize>, other: Option<usize>) {
        if self.seen.insert((kind, op, other)) {
            self.findings.insert(Finding {
                kind,
                place: self.program.place(op),
                variable: variable.map_or_else(String::new, |index| self.program.variables[index].name.clone()),
                other: other.map(|op| self.program.place(op)),
            });
        }
    }
}
