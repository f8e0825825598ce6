//! Statements.

use naga::{AtomicFunction, Barrier, BinaryOperator, Block, Expression, Handle, MathFunction, Span, Statement};

use super::{Frame, Loop, Lowering, scalar};
use crate::program::{Home, Op, Register};
use crate::{Error, numbers};

impl<'m> Lowering<'m> {
    pub(super) fn block(&mut self, frame: &mut Frame<'m>, block: &'m Block) -> Result<(), Error> {
        block.span_iter().try_for_each(|(statement, span)| self.statement(frame, statement, *span))
    }

    fn statement(&mut self, frame: &mut Frame<'m>, statement: &'m Statement, span: Span) -> Result<(), Error> {
        self.span = span;
        match statement {
            Statement::Emit(range) => range.clone().try_for_each(|handle| self.emit(frame, handle))?,
            Statement::Block(block) => self.block(frame, block)?,
            Statement::If { condition, accept, reject } => {
                let condition = self.value(frame, *condition)?;
                let to_reject = self.push(Op::JumpUnless(condition, 0));
                self.block(frame, accept)?;
                let to_end = self.push(Op::Jump(0));
                self.land(to_reject, to_end + 1);
                self.block(frame, reject)?;
                self.land(to_end, self.program.ops.len());
            }
            Statement::Loop { body, continuing, break_if } => self.repeat(frame, body, continuing, *break_if)?,
            Statement::Break => {
                let jump = self.push(Op::Jump(0));
                frame.loops.last_mut().into_iter().for_each(|inner| inner.breaks.push(jump));
            }
            Statement::Continue => {
                let jump = self.push(Op::Jump(0));
                frame.loops.last_mut().into_iter().for_each(|inner| inner.continues.push(jump));
            }
            Statement::Return { value } => self.give_back(frame, *value)?,
            Statement::ControlBarrier(of) => self.barrier(*of),
            Statement::WorkGroupUniformLoad { pointer, result } => {
                let pointer = self.pointer(frame, *pointer)?;
                let (to, _) = self.own(frame, *result)?;
                self.barrier(Barrier::WORK_GROUP);
                self.load(&pointer, to)?;
                self.barrier(Barrier::WORK_GROUP);
            }
            Statement::Store { pointer, value } => {
                let (pointer, from) = (self.pointer(frame, *pointer)?, self.value(frame, *value)?);
                let n = self.words(&pointer.ty)?;
                match (pointer.to, pointer.steps.is_empty()) {
                    (Home::Registers(first), true) => self.push(Op::Copy { from, to: first + pointer.offset, n }),
                    _ => {
                        let access = self.access(&pointer)?;
                        self.push(Op::Store { access, from })
                    }
                };
            }
            Statement::Atomic { pointer, fun, value, result } => self.atomic(frame, *pointer, *fun, *value, *result)?,
            Statement::Call { function, arguments, result } => {
                let arguments: Result<_, Error> = arguments.iter().map(|one| self.operand(frame, *one)).collect();
                let result = result.map(|result| self.own(frame, result)).transpose()?.map(|(register, _)| register);
                let (module, info) = (self.module, self.info);
                // A function without a result still is not the entry point.
                let result = result.unwrap_or_else(|| self.allocate(0));
                self.function(&module.functions[*function], &info[*function], arguments?, Some(result))?;
            }
            other => return Err(self.unknown(format!("the statement {other:?}"))),
        }
        Ok(())
    }

    fn barrier(&mut self, of: Barrier) {
        let rounds = self.loops.clone();
        self.push(Op::Barrier { of, rounds });
    }

    fn repeat(
        &mut self,
        frame: &mut Frame<'m>,
        body: &'m Block,
        continuing: &'m Block,
        break_if: Option<Handle<Expression>>,
    ) -> Result<(), Error> {
        let counter = self.allocate(1);
        self.push(Op::Clear { to: counter, n: 1 });
        let start = self.push(Op::Count(counter));
        self.loops.push(counter);
        frame.loops.push(Loop::default());
        self.block(frame, body)?;
        let after_body = self.program.ops.len();
        self.block(frame, continuing)?;
        match break_if {
            Some(condition) => {
                let condition = self.value(frame, condition)?;
                self.push(Op::JumpUnless(condition, start));
            }
            None => drop(self.push(Op::Jump(start))),
        }
        let end = self.program.ops.len();
        self.loops.pop();
        let Loop { breaks, continues } = frame.loops.pop().unwrap_or_default();
        breaks.into_iter().for_each(|jump| self.land(jump, end));
        continues.into_iter().for_each(|jump| self.land(jump, after_body));
        Ok(())
    }

    fn give_back(&mut self, frame: &mut Frame<'m>, value: Option<Handle<Expression>>) -> Result<(), Error> {
        let Some(to) = frame.result else {
            self.push(Op::End);
            return Ok(());
        };
        if let Some(value) = value {
            let (from, n) = (self.value(frame, value)?, self.words(self.ty(frame, value))?);
            self.push(Op::Copy { from, to, n });
        }
        let jump = self.push(Op::Jump(0));
        frame.returns.push(jump);
        Ok(())
    }

    fn atomic(
        &mut self,
        frame: &mut Frame<'m>,
        pointer: Handle<Expression>,
        function: AtomicFunction,
        value: Handle<Expression>,
        result: Option<Handle<Expression>>,
    ) -> Result<(), Error> {
        let kind = self.target(frame, pointer).as_ref().map(scalar);
        let kind = kind.ok_or_else(|| self.unknown("an atomic of this type"))?;
        let f = match function {
            AtomicFunction::Add => numbers::binary(BinaryOperator::Add, kind),
            AtomicFunction::Subtract => numbers::binary(BinaryOperator::Subtract, kind),
            AtomicFunction::And => numbers::binary(BinaryOperator::And, kind),
            AtomicFunction::InclusiveOr => numbers::binary(BinaryOperator::InclusiveOr, kind),
            AtomicFunction::ExclusiveOr => numbers::binary(BinaryOperator::ExclusiveOr, kind),
            AtomicFunction::Min => numbers::math_two(MathFunction::Min, kind),
            AtomicFunction::Max => numbers::math_two(MathFunction::Max, kind),
            AtomicFunction::Exchange { compare: None } => Some((|_, new| new) as numbers::Two),
            AtomicFunction::Exchange { compare: Some(_) } => None,
        };
        let f = f.ok_or_else(|| self.unknown(format!("the atomic {function:?}")))?;
        let (pointer, value) = (self.pointer(frame, pointer)?, self.value(frame, value)?);
        let to: Register = match result {
            Some(result) => self.own(frame, result)?.0,
            None => self.allocate(1),
        };
        let access = self.access(&pointer)?;
        self.push(Op::Atomic { access, f, value, to });
        Ok(())
    }
}
