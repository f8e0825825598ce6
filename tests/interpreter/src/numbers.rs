//! What the operators and functions of WGSL do to a word. A word is the bits of a scalar; 16 bits are the lower half of
//! one. Where WGSL defines a result for an overflow, a shift or a division by zero, it is that result.

use half::f16;
use naga::{BinaryOperator as Binary, MathFunction as Math, ScalarKind as Kind, UnaryOperator as Unary};
use naga::{Literal, Scalar};

pub(crate) type One = fn(u32) -> u32;
pub(crate) type Two = fn(u32, u32) -> u32;
pub(crate) type Three = fn(u32, u32, u32) -> u32;

/// The bits of a literal.
pub(crate) fn literal(literal: Literal) -> Option<u32> {
    Some(match literal {
        Literal::F32(value) => value.to_bits(),
        Literal::F16(value) => u32::from(value.to_bits()),
        Literal::U32(value) => value,
        Literal::I32(value) => value.cast_unsigned(),
        Literal::Bool(value) => u32::from(value),
        _ => return None,
    })
}

/// A number that has a word: how it is read from its bits, and written.
trait Number: Copy {
    fn read(bits: u32) -> Self;
    fn bits(self) -> u32;
}

impl Number for u32 {
    fn read(bits: u32) -> Self {
        bits
    }
    fn bits(self) -> u32 {
        self
    }
}

impl Number for i32 {
    fn read(bits: u32) -> Self {
        bits.cast_signed()
    }
    fn bits(self) -> u32 {
        self.cast_unsigned()
    }
}

impl Number for bool {
    fn read(bits: u32) -> Self {
        bits != 0
    }
    fn bits(self) -> u32 {
        u32::from(self)
    }
}

impl Number for f32 {
    fn read(bits: u32) -> Self {
        Self::from_bits(bits)
    }
    fn bits(self) -> u32 {
        self.to_bits()
    }
}

impl Number for f16 {
    fn read(bits: u32) -> Self {
        Self::from_bits(bits as u16)
    }
    fn bits(self) -> u32 {
        u32::from(self.to_bits())
    }
}

macro_rules! one {
    ($ty:ty, |$a:ident| $value:expr) => {
        |a| {
            let $a = <$ty>::read(a);
            Number::bits($value)
        }
    };
}

macro_rules! two {
    ($ty:ty, |$a:ident, $b:ident| $value:expr) => {
        |a, b| {
            let ($a, $b) = (<$ty>::read(a), <$ty>::read(b));
            Number::bits($value)
        }
    };
}

macro_rules! three {
    ($ty:ty, |$a:ident, $b:ident, $c:ident| $value:expr) => {
        |a, b, c| {
            let ($a, $b, $c) = (<$ty>::read(a), <$ty>::read(b), <$ty>::read(c));
            Number::bits($value)
        }
    };
}

pub(crate) fn unary(op: Unary, scalar: Scalar) -> Option<One> {
    Some(match (op, scalar.kind, scalar.width) {
        (Unary::Negate, Kind::Float, 4) => one!(f32, |a| -a),
        (Unary::Negate, Kind::Float, 2) => one!(f16, |a| -a),
        (Unary::Negate, Kind::Sint, 4) => one!(i32, |a| a.wrapping_neg()),
        (Unary::LogicalNot, ..) => one!(bool, |a| !a),
        (Unary::BitwiseNot, _, 4) => one!(u32, |a| !a),
        _ => return None,
    })
}

pub(crate) fn binary(op: Binary, scalar: Scalar) -> Option<Two> {
    match (scalar.kind, scalar.width) {
        (Kind::Float, 4) => of_f32(op),
        (Kind::Float, 2) => of_f16(op),
        (Kind::Uint, 4) => of_u32(op),
        (Kind::Sint, 4) => of_i32(op),
        (Kind::Bool, _) => of_bool(op),
        _ => None,
    }
}

fn of_f32(op: Binary) -> Option<Two> {
    Some(match op {
        Binary::Add => two!(f32, |a, b| a + b),
        Binary::Subtract => two!(f32, |a, b| a - b),
        Binary::Multiply => two!(f32, |a, b| a * b),
        Binary::Divide => two!(f32, |a, b| a / b),
        Binary::Modulo => two!(f32, |a, b| a % b),
        Binary::Equal => two!(f32, |a, b| a == b),
        Binary::NotEqual => two!(f32, |a, b| a != b),
        Binary::Less => two!(f32, |a, b| a < b),
        Binary::LessEqual => two!(f32, |a, b| a <= b),
        Binary::Greater => two!(f32, |a, b| a > b),
        Binary::GreaterEqual => two!(f32, |a, b| a >= b),
        _ => return None,
    })
}

fn of_f16(op: Binary) -> Option<Two> {
    Some(match op {
        Binary::Add => two!(f16, |a, b| a + b),
        Binary::Subtract => two!(f16, |a, b| a - b),
        Binary::Multiply => two!(f16, |a, b| a * b),
        Binary::Divide => two!(f16, |a, b| a / b),
        Binary::Equal => two!(f16, |a, b| a == b),
        Binary::NotEqual => two!(f16, |a, b| a != b),
        Binary::Less => two!(f16, |a, b| a < b),
        Binary::LessEqual => two!(f16, |a, b| a <= b),
        Binary::Greater => two!(f16, |a, b| a > b),
        Binary::GreaterEqual => two!(f16, |a, b| a >= b),
        _ => return None,
    })
}

fn of_u32(op: Binary) -> Option<Two> {
    Some(match op {
        Binary::Add => two!(u32, |a, b| a.wrapping_add(b)),
        Binary::Subtract => two!(u32, |a, b| a.wrapping_sub(b)),
        Binary::Multiply => two!(u32, |a, b| a.wrapping_mul(b)),
        Binary::Divide => two!(u32, |a, b| a.checked_div(b).unwrap_or(a)),
        Binary::Modulo => two!(u32, |a, b| a.checked_rem(b).unwrap_or(0)),
        Binary::Equal => two!(u32, |a, b| a == b),
        Binary::NotEqual => two!(u32, |a, b| a != b),
        Binary::Less => two!(u32, |a, b| a < b),
        Binary::LessEqual => two!(u32, |a, b| a <= b),
        Binary::Greater => two!(u32, |a, b| a > b),
        Binary::GreaterEqual => two!(u32, |a, b| a >= b),
        Binary::And => two!(u32, |a, b| a & b),
        Binary::InclusiveOr => two!(u32, |a, b| a | b),
        Binary::ExclusiveOr => two!(u32, |a, b| a ^ b),
        Binary::ShiftLeft => two!(u32, |a, b| a.wrapping_shl(b)),
        Binary::ShiftRight => two!(u32, |a, b| a.wrapping_shr(b)),
        _ => return None,
    })
}

fn of_i32(op: Binary) -> Option<Two> {
    Some(match op {
        Binary::Divide => two!(i32, |a, b| a.checked_div(b).unwrap_or(a)),
        Binary::Modulo => two!(i32, |a, b| a.checked_rem(b).unwrap_or(0)),
        Binary::Less => two!(i32, |a, b| a < b),
        Binary::LessEqual => two!(i32, |a, b| a <= b),
        Binary::Greater => two!(i32, |a, b| a > b),
        Binary::GreaterEqual => two!(i32, |a, b| a >= b),
        Binary::ShiftRight => |a, b| a.cast_signed().wrapping_shr(b).bits(),
        // The same bits as without a sign.
        _ => return of_u32(op),
    })
}

fn of_bool(op: Binary) -> Option<Two> {
    Some(match op {
        Binary::Equal => two!(bool, |a, b| a == b),
        Binary::NotEqual => two!(bool, |a, b| a != b),
        Binary::And | Binary::LogicalAnd => two!(bool, |a, b| a && b),
        Binary::InclusiveOr | Binary::LogicalOr => two!(bool, |a, b| a || b),
        _ => return None,
    })
}

/// Functions of one argument, word by word.
pub(crate) fn math_one(function: Math, scalar: Scalar) -> Option<One> {
    Some(match (function, scalar.kind, scalar.width) {
        (Math::Abs, Kind::Float, 4) => one!(f32, |a| a.abs()),
        (Math::Abs, Kind::Sint, 4) => one!(i32, |a| a.wrapping_abs()),
        (Math::Abs, Kind::Uint, 4) => one!(u32, |a| a),
        (Math::Saturate, Kind::Float, 4) => one!(f32, |a| a.clamp(0.0, 1.0)),
        (Math::Ceil, Kind::Float, 4) => one!(f32, |a| a.ceil()),
        (Math::Floor, Kind::Float, 4) => one!(f32, |a| a.floor()),
        (Math::Round, Kind::Float, 4) => one!(f32, |a| a.round_ties_even()),
        (Math::Trunc, Kind::Float, 4) => one!(f32, |a| a.trunc()),
        (Math::Fract, Kind::Float, 4) => one!(f32, |a| a - a.floor()),
        (Math::Exp, Kind::Float, 4) => one!(f32, |a| a.exp()),
        (Math::Exp2, Kind::Float, 4) => one!(f32, |a| a.exp2()),
        (Math::Log, Kind::Float, 4) => one!(f32, |a| a.ln()),
        (Math::Log2, Kind::Float, 4) => one!(f32, |a| a.log2()),
        (Math::Tanh, Kind::Float, 4) => one!(f32, |a| a.tanh()),
        (Math::Sqrt, Kind::Float, 4) => one!(f32, |a| a.sqrt()),
        (Math::InverseSqrt, Kind::Float, 4) => one!(f32, |a| 1.0 / a.sqrt()),
        (Math::CountOneBits, Kind::Uint, 4) => one!(u32, |a| a.count_ones()),
        (Math::CountLeadingZeros, Kind::Uint, 4) => one!(u32, |a| a.leading_zeros()),
        (Math::CountTrailingZeros, Kind::Uint, 4) => one!(u32, |a| a.trailing_zeros()),
        (Math::ReverseBits, Kind::Uint, 4) => one!(u32, |a| a.reverse_bits()),
        _ => return None,
    })
}

/// Functions of two arguments, word by word.
pub(crate) fn math_two(function: Math, scalar: Scalar) -> Option<Two> {
    Some(match (function, scalar.kind, scalar.width) {
        (Math::Min, Kind::Float, 4) => two!(f32, |a, b| a.min(b)),
        (Math::Min, Kind::Float, 2) => two!(f16, |a, b| a.min(b)),
        (Math::Min, Kind::Uint, 4) => two!(u32, |a, b| a.min(b)),
        (Math::Min, Kind::Sint, 4) => two!(i32, |a, b| a.min(b)),
        (Math::Max, Kind::Float, 4) => two!(f32, |a, b| a.max(b)),
        (Math::Max, Kind::Float, 2) => two!(f16, |a, b| a.max(b)),
        (Math::Max, Kind::Uint, 4) => two!(u32, |a, b| a.max(b)),
        (Math::Max, Kind::Sint, 4) => two!(i32, |a, b| a.max(b)),
        (Math::Pow, Kind::Float, 4) => two!(f32, |a, b| a.powf(b)),
        (Math::Step, Kind::Float, 4) => two!(f32, |a, b| if b >= a { 1.0f32 } else { 0.0 }),
        _ => return None,
    })
}

/// Functions of three arguments, word by word.
pub(crate) fn math_three(function: Math, scalar: Scalar) -> Option<Three> {
    Some(match (function, scalar.kind, scalar.width) {
        (Math::Clamp, Kind::Float, 4) => three!(f32, |a, b, c| a.max(b).min(c)),
        (Math::Clamp, Kind::Float, 2) => three!(f16, |a, b, c| a.max(b).min(c)),
        (Math::Clamp, Kind::Uint, 4) => three!(u32, |a, b, c| a.max(b).min(c)),
        (Math::Clamp, Kind::Sint, 4) => three!(i32, |a, b, c| a.max(b).min(c)),
        (Math::Fma, Kind::Float, 4) => three!(f32, |a, b, c| a.mul_add(b, c)),
        (Math::Mix, Kind::Float, 4) => three!(f32, |a, b, c| a * (1.0 - c) + b * c),
        _ => return None,
    })
}

/// `select`, with the condition first.
pub(crate) fn select(condition: u32, accept: u32, reject: u32) -> u32 {
    if condition == 0 { reject } else { accept }
}

/// A value in another type.
pub(crate) fn convert(from: Scalar, to: Scalar) -> Option<One> {
    Some(match ((from.kind, from.width), (to.kind, to.width)) {
        (from, to) if from == to => one!(u32, |a| a),
        ((Kind::Float, 4), (Kind::Float, 2)) => one!(f32, |a| f16::from_f32(a)),
        ((Kind::Float, 2), (Kind::Float, 4)) => one!(f16, |a| a.to_f32()),
        ((Kind::Float, 4), (Kind::Uint, 4)) => one!(f32, |a| a as u32),
        ((Kind::Float, 4), (Kind::Sint, 4)) => one!(f32, |a| a as i32),
        ((Kind::Uint, 4), (Kind::Float, 4)) => one!(u32, |a| a as f32),
        ((Kind::Sint, 4), (Kind::Float, 4)) => one!(i32, |a| a as f32),
        ((Kind::Uint, 4), (Kind::Sint, 4)) | ((Kind::Sint, 4), (Kind::Uint, 4)) => one!(u32, |a| a),
        ((Kind::Bool, _), (Kind::Float, 4)) => one!(bool, |a| if a { 1.0f32 } else { 0.0 }),
        ((Kind::Bool, _), (Kind::Uint | Kind::Sint, 4)) => one!(bool, |a| a),
        ((Kind::Uint | Kind::Sint, 4), (Kind::Bool, _)) => one!(u32, |a| a != 0),
        _ => return None,
    })
}
