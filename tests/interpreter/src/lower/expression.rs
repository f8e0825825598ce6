//! Expressions. Each has registers of its own, which it fills where naga emits it; naming a part of a value costs
//! nothing.

use naga::{Expression, Handle, MathFunction, RelationalFunction, SwizzleComponent, TypeInner, VectorSize};

use super::{Frame, Lowering, Operand, Pointer, scalar};
use crate::layout::{count, part, pointee, scalars};
use crate::program::{Access, Home, Op, Register, Step};
use crate::{Error, numbers};

impl<'m> Lowering<'m> {
    /// What an expression stands for, which was emitted, or need not be.
    pub(super) fn operand(&mut self, frame: &mut Frame<'m>, handle: Handle<Expression>) -> Result<Operand, Error> {
        if let Some(operand) = &frame.operands[handle.index()] {
            return Ok(operand.clone());
        }
        let operand = match &frame.function.expressions[handle] {
            Expression::FunctionArgument(index) => frame.arguments[*index as usize].clone(),
            Expression::GlobalVariable(global) => {
                let ty = self.module.types[self.module.global_variables[*global].ty].inner.clone();
                if matches!(ty, TypeInner::Image { .. }) {
                    Operand::Texture(global.index())
                } else {
                    let to = Home::Memory(global.index());
                    Operand::Pointer(Pointer { to, offset: 0, steps: Vec::new(), ty })
                }
            }
            Expression::LocalVariable(local) => {
                let ty = self.module.types[frame.function.local_variables[*local].ty].inner.clone();
                let register = frame.locals.iter().find(|(handle, _)| handle == local).map(|(_, register)| *register);
                let to = Home::Registers(register.ok_or_else(|| self.unknown("this variable"))?);
                Operand::Pointer(Pointer { to, offset: 0, steps: Vec::new(), ty })
            }
            _ => {
                let words = self.evaluate(&frame.function.expressions, handle);
                let words = words.ok_or_else(|| self.unknown("an expression that is not emitted"))?;
                Operand::Value(self.constant(&words))
            }
        };
        frame.operands[handle.index()] = Some(operand.clone());
        Ok(operand)
    }

    /// The registers of a value.
    pub(super) fn value(&mut self, frame: &mut Frame<'m>, handle: Handle<Expression>) -> Result<Register, Error> {
        match self.operand(frame, handle)? {
            Operand::Value(register) => Ok(register),
            _ => Err(self.unknown("a pointer in this place")),
        }
    }

    pub(super) fn pointer(&mut self, frame: &mut Frame<'m>, handle: Handle<Expression>) -> Result<Pointer, Error> {
        match self.operand(frame, handle)? {
            Operand::Pointer(pointer) => Ok(pointer),
            _ => Err(self.unknown("a value in the place of a pointer")),
        }
    }

    pub(super) fn ty(&self, frame: &Frame<'m>, handle: Handle<Expression>) -> &'m TypeInner {
        let (info, module): (&'m _, &'m naga::Module) = (frame.info, self.module);
        info[handle].ty.inner_with(&module.types)
    }

    /// Registers for the value of an expression.
    pub(super) fn own(&mut self, frame: &mut Frame<'m>, handle: Handle<Expression>) -> Result<(Register, u32), Error> {
        let n = self.words(self.ty(frame, handle))?;
        let to = self.allocate(n);
        frame.operands[handle.index()] = Some(Operand::Value(to));
        Ok((to, n))
    }

    /// Computes an expression where naga wants it.
    pub(super) fn emit(&mut self, frame: &mut Frame<'m>, handle: Handle<Expression>) -> Result<(), Error> {
        let span = frame.function.expressions.get_span(handle);
        if span.is_defined() {
            self.span = span;
        }
        let function = frame.function;
        match &function.expressions[handle] {
            Expression::Access { base, index } => {
                let step = self.value(frame, *index)?;
                let operand = self.index(frame, handle, *base, 1, Some(step))?;
                frame.operands[handle.index()] = Some(operand);
            }
            Expression::AccessIndex { base, index } => {
                let operand = self.index(frame, handle, *base, *index, None)?;
                frame.operands[handle.index()] = Some(operand);
            }
            Expression::Load { pointer } => {
                let pointer = self.pointer(frame, *pointer)?;
                let (to, _) = self.own(frame, handle)?;
                self.load(&pointer, to)?;
            }
            Expression::Compose { components, .. } => {
                let components: Vec<(Register, u32)> = components
                    .iter()
                    .map(|part| Ok((self.value(frame, *part)?, self.words(self.ty(frame, *part))?)))
                    .collect::<Result<_, Error>>()?;
                let (mut to, _) = self.own(frame, handle)?;
                for (from, n) in components {
                    self.push(Op::Copy { from, to, n });
                    to += n;
                }
            }
            Expression::Splat { value, .. } => {
                let from = self.value(frame, *value)?;
                let (to, n) = self.own(frame, handle)?;
                self.push(Op::Two { f: |a, _| a, a: (from, 0), b: (from, 0), to, n });
            }
            Expression::Swizzle { size, vector, pattern } => self.swizzle(frame, handle, *size, *vector, pattern)?,
            Expression::Unary { op, expr } => {
                let f = numbers::unary(*op, scalar(self.ty(frame, *expr)));
                let f = f.ok_or_else(|| self.unknown(format!("{op:?} of this type")))?;
                let a = self.value(frame, *expr)?;
                let (to, n) = self.own(frame, handle)?;
                self.push(Op::One { f, a, to, n });
            }
            Expression::Binary { op, left, right } => {
                let f = numbers::binary(*op, scalar(self.ty(frame, *left)));
                let f = f.ok_or_else(|| self.unknown(format!("{op:?} of this type")))?;
                let (a, b) = (self.stepped(frame, *left)?, self.stepped(frame, *right)?);
                let (to, n) = self.own(frame, handle)?;
                self.push(Op::Two { f, a, b, to, n });
            }
            Expression::Select { condition, accept, reject } => {
                let a = self.stepped(frame, *condition)?;
                let (b, c) = (self.value(frame, *accept)?, self.value(frame, *reject)?);
                let (to, n) = self.own(frame, handle)?;
                self.push(Op::Three { f: numbers::select, a, b, c, to, n });
            }
            Expression::Relational { fun, argument } => {
                let f: numbers::Two = match fun {
                    RelationalFunction::All => |a, b| a & b,
                    RelationalFunction::Any => |a, b| a | b,
                    _ => return Err(self.unknown(format!("{fun:?}"))),
                };
                let (a, n) = (self.value(frame, *argument)?, self.words(self.ty(frame, *argument))?);
                let (to, _) = self.own(frame, handle)?;
                self.push(Op::Fold { f, a, to, n });
            }
            Expression::Math { fun, arg, arg1, arg2, .. } => {
                self.math(frame, handle, *fun, [Some(*arg), *arg1, *arg2])?
            }
            Expression::As { expr, kind, convert } => {
                let from = self.value(frame, *expr)?;
                let Some(width) = convert else {
                    frame.operands[handle.index()] = Some(Operand::Value(from));
                    return Ok(());
                };
                let wanted = naga::Scalar { kind: *kind, width: *width };
                let f = numbers::convert(scalar(self.ty(frame, *expr)), wanted);
                let f = f.ok_or_else(|| self.unknown("this conversion"))?;
                let (to, n) = self.own(frame, handle)?;
                self.push(Op::One { f, a: from, to, n });
            }
            Expression::ArrayLength(array) => {
                let Pointer { to: Home::Memory(variable), offset, ty: TypeInner::Array { stride, .. }, .. } =
                    self.pointer(frame, *array)?
                else {
                    return Err(self.unknown("the length of this"));
                };
                let (to, _) = self.own(frame, handle)?;
                self.push(Op::Length { variable, offset, stride, to });
            }
            Expression::ImageLoad { image, coordinate, array_index: None, sample: None, level } => {
                let Operand::Texture(variable) = self.operand(frame, *image)? else {
                    return Err(self.unknown("a texture in this place"));
                };
                let at = self.value(frame, *coordinate)?;
                let level = level.map(|level| self.value(frame, level)).transpose()?;
                let (to, _) = self.own(frame, handle)?;
                self.push(Op::Texel { variable, at, level, to });
            }
            // Constants, and results that their statements fill.
            _ => drop(self.operand(frame, handle)?),
        }
        Ok(())
    }

    /// The operand with the step by which it goes from word to word: none for a scalar.
    fn stepped(&mut self, frame: &mut Frame<'m>, handle: Handle<Expression>) -> Result<(Register, u32), Error> {
        let step = u32::from(!matches!(self.ty(frame, handle), TypeInner::Scalar(_)));
        Ok((self.value(frame, handle)?, step))
    }

    /// Part `index` of what `base` is or points to; with `dynamic`, so many times part 1.
    fn index(
        &mut self,
        frame: &mut Frame<'m>,
        handle: Handle<Expression>,
        base: Handle<Expression>,
        index: u32,
        dynamic: Option<Register>,
    ) -> Result<Operand, Error> {
        let (register, whole) = match self.operand(frame, base)? {
            Operand::Pointer(mut pointer) => {
                let inner = part(self.module, &pointer.ty, index).ok_or_else(|| self.unknown("a part of this"))?;
                let stride = if matches!(pointer.to, Home::Memory(_)) { inner.bytes } else { inner.words };
                match dynamic {
                    None => pointer.offset += stride,
                    Some(index) => pointer.steps.push(Step { index, stride, count: count(&pointer.ty) }),
                }
                pointer.ty = inner.ty;
                return Ok(Operand::Pointer(pointer));
            }
            Operand::Value(register) => (register, self.ty(frame, base).clone()),
            Operand::Texture(_) => return Err(self.unknown("a part of a texture")),
        };
        let inner = part(self.module, &whole, index).ok_or_else(|| self.unknown("a part of this"))?;
        let Some(index) = dynamic else { return Ok(Operand::Value(register + inner.words)) };
        let (to, n) = self.own(frame, handle)?;
        let step = Step { index, stride: inner.words, count: count(&whole) };
        self.push(Op::Pick { from: register, step, to, n });
        Ok(Operand::Value(to))
    }

    fn swizzle(
        &mut self,
        frame: &mut Frame<'m>,
        handle: Handle<Expression>,
        size: VectorSize,
        vector: Handle<Expression>,
        pattern: &[SwizzleComponent; 4],
    ) -> Result<(), Error> {
        let from = self.value(frame, vector)?;
        let (to, _) = self.own(frame, handle)?;
        for (place, component) in (0u32..).zip(&pattern[..size as usize]) {
            self.push(Op::Copy { from: from + *component as u32, to: to + place, n: 1 });
        }
        Ok(())
    }

    fn math(
        &mut self,
        frame: &mut Frame<'m>,
        handle: Handle<Expression>,
        function: MathFunction,
        arguments: [Option<Handle<Expression>>; 3],
    ) -> Result<(), Error> {
        let [Some(first), second, third] = arguments else { return Err(self.unknown("a function without arguments")) };
        let kind = scalar(self.ty(frame, first));
        let unknown = self.unknown(format!("{function:?} of this type"));
        let a = self.stepped(frame, first)?;
        let n = self.words(self.ty(frame, first))?;
        let b = second.map(|second| self.stepped(frame, second)).transpose()?;
        let c = third.map(|third| self.value(frame, third)).transpose()?;
        let (to, own) = self.own(frame, handle)?;
        match (function, b, c) {
            (MathFunction::Dot, Some(b), None) => {
                let multiply = numbers::binary(naga::BinaryOperator::Multiply, kind).ok_or(unknown)?;
                let add = numbers::binary(naga::BinaryOperator::Add, kind);
                let add = add.ok_or_else(|| self.unknown("this product"))?;
                let products = self.allocate(n);
                self.push(Op::Two { f: multiply, a, b, to: products, n });
                self.push(Op::Fold { f: add, a: products, to, n });
            }
            (_, None, None) => {
                let f = numbers::math_one(function, kind).ok_or(unknown)?;
                self.push(Op::One { f, a: a.0, to, n: own });
            }
            (_, Some(b), None) => {
                let f = numbers::math_two(function, kind).ok_or(unknown)?;
                self.push(Op::Two { f, a, b, to, n: own });
            }
            (_, Some((b, _)), Some(c)) => {
                let f = numbers::math_three(function, kind).ok_or(unknown)?;
                self.push(Op::Three { f, a, b, c, to, n: own });
            }
            _ => return Err(unknown),
        }
        Ok(())
    }

    /// Reads what a pointer points to.
    pub(super) fn load(&mut self, pointer: &Pointer, to: Register) -> Result<(), Error> {
        let n = self.words(&pointer.ty)?;
        match (pointer.to, pointer.steps.is_empty()) {
            (Home::Registers(first), true) => self.push(Op::Copy { from: first + pointer.offset, to, n }),
            _ => {
                let access = self.access(pointer)?;
                self.push(Op::Load { access, to })
            }
        };
        Ok(())
    }

    /// How what a pointer points to is reached.
    pub(super) fn access(&mut self, pointer: &Pointer) -> Result<Access, Error> {
        let in_memory = scalars(self.module, &pointer.ty).ok_or_else(|| self.unknown("an access to this type"))?;
        let scalars = match pointer.to {
            Home::Memory(_) => in_memory.iter().map(|(offset, _)| *offset).collect(),
            Home::Registers(_) => (0u32..).take(in_memory.len()).collect(),
        };
        let Pointer { to, offset, ref steps, ref ty } = *pointer;
        Ok(Access { to, offset, steps: steps.clone(), scalars, atomic: matches!(ty, TypeInner::Atomic(_)) })
    }

    /// What a pointer expression points to, by its type.
    pub(super) fn target(&self, frame: &Frame<'m>, pointer: Handle<Expression>) -> Option<TypeInner> {
        pointee(self.module, self.ty(frame, pointer))
    }
}
