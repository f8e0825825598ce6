//! A dispatch, run in one order: workgroup by workgroup, and within one in turns of random length from barrier to
//! barrier.

use std::collections::BTreeSet;

use naga::{Barrier, BuiltIn};
use rand_pcg::Pcg32;
use rand_pcg::rand_core::{Rng, SeedableRng};

use crate::finding::{Finding, Kind};
use crate::memory::{Cells, Sort, Touch};
use crate::program::{Access, Home, Op, Program, Register};

/// Instructions of a workgroup, all invocations together. Kernels on the small problems of a test need far fewer.
const STEPS_MAX: usize = 20_000_000;

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
    pub(crate) fn new(
        program: &'a Program,
        memory: Vec<Cells>,
        pictures: &'a [Option<Picture>],
        order: u64,
    ) -> Self {
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

    /// Runs an invocation for at most so many instructions.
    fn advance(&mut self, invocation: &mut Invocation, turn: usize) -> Stop {
        let program = self.program;
        for _ in 0..turn {
            self.steps += 1;
            if self.steps > STEPS_MAX {
                self.find(Kind::Endless, invocation.op, None, None);
                return Stop::Never;
            }
            let registers = &mut invocation.registers;
            match &program.ops[invocation.op] {
                Op::Jump(to) => {
                    invocation.op = *to;
                    continue;
                }
                Op::JumpUnless(condition, to) => {
                    if registers[*condition as usize] == 0 {
                        invocation.op = *to;
                        continue;
                    }
                }
                Op::Barrier { .. } => return Stop::Barrier,
                Op::End => return Stop::End,
                Op::Load { access, to } => self.load(invocation, access, *to),
                Op::Store { access, from } => self.store(invocation, access, *from),
                Op::Atomic { access, f, value, to } => self.atomic(invocation, access, *f, [*value, *to]),
                Op::Length { variable, offset, stride, to } => {
                    let cells = &self.memory[*variable];
                    let bytes = cells.values.len() as u32 * cells.unit;
                    registers[*to as usize] = bytes.saturating_sub(*offset) / stride;
                }
                Op::Texel { variable, at, level, to } => self.texel(invocation, *variable, *at, *level, *to),
                Op::Pick { from, step, to, n } => {
                    let index = registers[step.index as usize];
                    if step.count.is_some_and(|count| index >= count) {
                        self.find(Kind::Outside, invocation.op, None, None);
                    } else {
                        let from = (*from + index * step.stride) as usize;
                        registers.copy_within(from..from + *n as usize, *to as usize);
                    }
                }
                op => compute(registers, op),
            }
            invocation.op += 1;
        }
        Stop::Turn
    }

    fn load(&mut self, invocation: &mut Invocation, access: &Access, to: Register) {
        for (place, scalar) in (to as usize..).zip(&access.scalars) {
            let found = self.reach(invocation, access, *scalar);
            let value = match (found, access.to) {
                (None, _) => 0,
                (Some(at), Home::Registers(_)) => invocation.registers[at],
                (Some(at), Home::Memory(variable)) => {
                    let sort = if access.atomic { Sort::Atomic } else { Sort::Read };
                    self.touch(invocation, variable, at, sort);
                    self.memory[variable].values[at]
                }
            };
            invocation.registers[place] = value;
        }
    }

    fn store(&mut self, invocation: &mut Invocation, access: &Access, from: Register) {
        for (place, scalar) in (from as usize..).zip(&access.scalars) {
            let value = invocation.registers[place];
            match (self.reach(invocation, access, *scalar), access.to) {
                (None, _) => {}
                (Some(at), Home::Registers(_)) => invocation.registers[at] = value,
                (Some(at), Home::Memory(variable)) => {
                    let sort = if access.atomic { Sort::Atomic } else { Sort::Write };
                    self.touch(invocation, variable, at, sort);
                    self.memory[variable].write(at, value);
                }
            }
        }
    }

    fn atomic(
        &mut self,
        invocation: &mut Invocation,
        access: &Access,
        f: fn(u32, u32) -> u32,
        [value, to]: [Register; 2],
    ) {
        let (Some(at), Home::Memory(variable)) = (self.reach(invocation, access, 0), access.to) else { return };
        self.touch(invocation, variable, at, Sort::Atomic);
        if !self.memory[variable].is_written(at) {
            self.find(Kind::Unwritten, invocation.op, Some(variable), None);
        }
        let before = self.memory[variable].values[at];
        self.memory[variable].write(at, f(before, invocation.registers[value as usize]));
        invocation.registers[to as usize] = before;
    }

    /// The cell or the register of a scalar of an access. An index beyond the end is a finding.
    fn reach(&mut self, invocation: &Invocation, access: &Access, scalar: u32) -> Option<usize> {
        let offset = Cells::offset(access, &invocation.registers).map(|offset| offset + u64::from(scalar));
        let (at, variable) = match access.to {
            Home::Memory(variable) => (offset.and_then(|offset| self.memory[variable].cell(offset)), Some(variable)),
            Home::Registers(first) => (offset.map(|offset| first as usize + offset as usize), None),
        };
        if at.is_none() {
            self.find(Kind::Outside, invocation.op, variable, None);
        }
        at
    }

    fn touch(&mut self, invocation: &Invocation, variable: usize, at: usize, sort: Sort) {
        let in_workgroup = self.program.variables[variable].space == naga::AddressSpace::WorkGroup;
        let phase = if in_workgroup { self.workgroup_phase } else { self.storage_phase };
        let touch = Touch { group: self.group, invocation: invocation.number, phase, op: invocation.op };
        let cells = &mut self.memory[variable];
        let met = cells.touch(at, sort, touch);
        let unwritten = !cells.is_written(at) && matches!(self.program.ops[invocation.op], Op::Load { .. });
        if let Some(met) = met {
            self.find(Kind::Race, invocation.op, Some(variable), Some(met.op));
        }
        if unwritten {
            self.find(Kind::Unwritten, invocation.op, Some(variable), None);
        }
    }

    fn texel(
        &mut self,
        invocation: &mut Invocation,
        variable: usize,
        at: Register,
        level: Option<Register>,
        to: Register,
    ) {
        let [x, y] = [0, 1].map(|axis| invocation.registers[at as usize + axis]);
        let level = level.map_or(0, |level| invocation.registers[level as usize]);
        let texel = self.pictures[variable].as_ref().and_then(|picture| {
            let inside = x < picture.width && level == 0;
            let index = u64::from(y) * u64::from(picture.width) + u64::from(x);
            inside.then(|| picture.texels.get(usize::try_from(index).ok()?)).flatten()
        });
        match texel {
            Some(texel) => {
                invocation.registers[to as usize..][..4].copy_from_slice(&texel.map(f32::to_bits));
            }
            None => self.find(Kind::Outside, invocation.op, Some(variable), None),
        }
    }

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

/// The instructions that only know registers.
fn compute(registers: &mut [u32], op: &Op) {
    match *op {
        Op::One { f, a, to, n } => {
            for word in 0..n {
                registers[(to + word) as usize] = f(registers[(a + word) as usize]);
            }
        }
        Op::Two { f, a, b, to, n } => {
            for word in 0..n {
                let [a, b] = [a, b].map(|(first, step)| registers[(first + step * word) as usize]);
                registers[(to + word) as usize] = f(a, b);
            }
        }
        Op::Three { f, a: (a, step), b, c, to, n } => {
            for word in 0..n {
                let [a, b, c] = [a + step * word, b + word, c + word].map(|register| registers[register as usize]);
                registers[(to + word) as usize] = f(a, b, c);
            }
        }
        Op::Fold { f, a, to, n } => {
            let row = &registers[a as usize..(a + n) as usize];
            registers[to as usize] = row.iter().copied().reduce(f).unwrap_or(0);
        }
        Op::Copy { from, to, n } => registers.copy_within(from as usize..(from + n) as usize, to as usize),
        Op::Clear { to, n } => registers[to as usize..(to + n) as usize].fill(0),
        Op::Count(counter) => registers[counter as usize] += 1,
        _ => {}
    }
}
