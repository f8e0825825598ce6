//! Types as rows of scalars. In a register each scalar takes a word; in memory it stands where WGSL puts it.

use naga::{ArraySize, Module, Scalar, TypeInner};

/// The scalars of a type in their order: where each begins in memory, in bytes. `None`: a type without a fixed size, or
/// one that is not numbers.
pub(crate) fn scalars(module: &Module, ty: &TypeInner) -> Option<Vec<(u32, Scalar)>> {
    let mut found = Vec::new();
    collect(module, ty, 0, &mut found)?;
    Some(found)
}

fn collect(module: &Module, ty: &TypeInner, at: u32, found: &mut Vec<(u32, Scalar)>) -> Option<()> {
    match ty {
        TypeInner::Scalar(scalar) | TypeInner::Atomic(scalar) => found.push((at, *scalar)),
        TypeInner::Vector { size, scalar } => {
            found.extend((0..*size as u32).map(|index| (at + index * u32::from(scalar.width), *scalar)));
        }
        TypeInner::Array { base, size: ArraySize::Constant(count), stride } => {
            for index in 0..count.get() {
                collect(module, &module.types[*base].inner, at + index * stride, found)?;
            }
        }
        TypeInner::Struct { members, .. } => {
            for member in members {
                collect(module, &module.types[member.ty].inner, at + member.offset, found)?;
            }
        }
        _ => return None,
    }
    Some(())
}

/// How many words a value takes in registers.
pub(crate) fn words(module: &Module, ty: &TypeInner) -> Option<u32> {
    match ty {
        TypeInner::Scalar(_) | TypeInner::Atomic(_) => Some(1),
        TypeInner::Vector { size, .. } => Some(*size as u32),
        TypeInner::Array { base, size: ArraySize::Constant(count), .. } => {
            Some(count.get() * words(module, &module.types[*base].inner)?)
        }
        TypeInner::Struct { members, .. } => {
            members.iter().map(|member| words(module, &module.types[member.ty].inner)).sum()
        }
        _ => None,
    }
}

/// The part of a type that an index names.
pub(crate) struct Part {
    pub(crate) ty: TypeInner,
    /// From the beginning of the whole, for the index that was asked for: in memory, and in registers.
    pub(crate) bytes: u32,
    pub(crate) words: u32,
}

/// Part `index` of a type. The parts of an array or a vector are equally far apart, so part 1 gives their distance.
pub(crate) fn part(module: &Module, ty: &TypeInner, index: u32) -> Option<Part> {
    match ty {
        TypeInner::Vector { scalar, .. } => {
            Some(Part { ty: TypeInner::Scalar(*scalar), bytes: index * u32::from(scalar.width), words: index })
        }
        TypeInner::Array { base, stride, .. } => {
            let ty = module.types[*base].inner.clone();
            let words = index * words(module, &ty)?;
            Some(Part { ty, bytes: index * stride, words })
        }
        TypeInner::Struct { members, .. } => {
            let member = members.get(index as usize)?;
            let before = members[..index as usize].iter().map(|m| words(module, &module.types[m.ty].inner));
            let words = before.sum::<Option<u32>>()?;
            Some(Part { ty: module.types[member.ty].inner.clone(), bytes: member.offset, words })
        }
        _ => None,
    }
}

/// How many parts an array or a vector has; `None` for an array as long as its buffer.
pub(crate) fn count(ty: &TypeInner) -> Option<u32> {
    match ty {
        TypeInner::Vector { size, .. } => Some(*size as u32),
        TypeInner::Array { size: ArraySize::Constant(count), .. } => Some(count.get()),
        _ => None,
    }
}

/// What a pointer points to.
pub(crate) fn pointee(module: &Module, ty: &TypeInner) -> Option<TypeInner> {
    match *ty {
        TypeInner::Pointer { base, .. } => Some(module.types[base].inner.clone()),
        TypeInner::ValuePointer { size: Some(size), scalar, .. } => Some(TypeInner::Vector { size, scalar }),
        TypeInner::ValuePointer { size: None, scalar, .. } => Some(TypeInner::Scalar(scalar)),
        _ => None,
    }
}
