//! An invocation, instruction by instruction.

use naga::AddressSpace;

use super::{Invocation, Machine, STEPS_MAX, Stop};
use crate::finding::Kind;
use crate::memory::{Cells, Sort, Touch};
use crate::program::{Access, Home, Op, Register};

impl Machine<'_> {
    /// Runs an invocation for at most so many instructions.
    pub(super) fn advance(&mut self, invocation: &mut Invocation, turn: usize) -> Stop {
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
        let in_workgroup = self.program.variables[variable].space == AddressSpace::WorkGroup;
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
}

/// The instructions that only know registers.
fn compute(registers: &mut [u32], op: &Op) {
    match *op {
        Op::One { f, a, to, n } => {
            for word in 0..n {
                registers[(to + word) as usize] = f(registers[(a + word) as usize]);
            }
        }
        Op::Two { f, a: (a, a_step), b: (b, b_step), to, n } => {
            for word in 0..n {
                let (a, b) = (registers[(a + a_step * word) as usize], registers[(b + b_step * word) as usize]);
                registers[(to + word) as usize] = f(a, b);
            }
        }
        Op::Three { f, a: (a, step), b, c, to, n } => {
            for word in 0..n {
                let (a, b) = (registers[(a + step * word) as usize], registers[(b + word) as usize]);
                registers[(to + word) as usize] = f(a, b, registers[(c + word) as usize]);
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
