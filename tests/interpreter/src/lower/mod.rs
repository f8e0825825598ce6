//! From naga's tree to the list of instructions: the module's variables, and its entry point with every call written
//! out in its place. WGSL knows no recursion.

mod expression;
mod statement;

use naga::valid::{Capabilities, FunctionInfo, ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, Binding, Expression, Function, Handle, Module, ScalarKind, Span, TypeInner};

use crate::layout::{count, scalars, words};
use crate::program::{Home, Op, Program, Register, Step, Variable};
use crate::{Error, Source, numbers};

impl Program {
    /// The only entry point of a text.
    ///
    /// # Errors
    /// When the text is not valid WGSL, or has something that the interpreter does not know.
    pub fn new(source: Source) -> Result<Self, Error> {
        let module = naga::front::wgsl::parse_str(source.text()).map_err(|error| {
            let line = error.location(source.text()).map_or(0, |location| location.offset);
            Error::Invalid(source.place(Span::new(line, line + 1)), error.message().to_owned())
        })?;
        let mut validator = Validator::new(ValidationFlags::all(), Capabilities::SHADER_FLOAT16);
        let info = validator.validate(&module).map_err(|error| {
            let line = error.location(source.text()).map_or(0, |location| location.offset);
            Error::Invalid(source.place(Span::new(line, line + 1)), error.as_inner().to_string())
        })?;
        program(source, &module, &info)
    }
}

/// The program of the module's only entry point.
fn program(source: Source, module: &Module, info: &ModuleInfo) -> Result<Program, Error> {
    let start = source.place(Span::new(0, 1));
    let [entry] = module.entry_points.as_slice() else {
        return Err(Error::Unknown(start, "several entry points, or none".into()));
    };
    let variables = module.global_variables.iter().map(|(handle, _)| variable(&source, module, handle));
    let program = Program {
        variables: variables.collect::<Result<_, _>>()?,
        source,
        ops: Vec::new(),
        spans: Vec::new(),
        registers: Vec::new(),
        builtins: Vec::new(),
        threads: entry.workgroup_size,
    };
    let mut lowering = Lowering { module, info, program, span: Span::UNDEFINED, loops: Vec::new() };
    lowering.entry(&entry.function, info.get_entry_point(0))?;
    Ok(lowering.program)
}

fn variable(source: &Source, module: &Module, handle: Handle<naga::GlobalVariable>) -> Result<Variable, Error> {
    let global = &module.global_variables[handle];
    let span = module.global_variables.get_span(handle);
    let unknown = |what: &str| Error::Unknown(source.place(span), what.to_owned());
    let ty = module.types[global.ty].inner.clone();
    let (element, sized) = match &ty {
        TypeInner::Array { base, .. } if count(&ty).is_none() => (&module.types[*base].inner, false),
        _ => (&ty, true),
    };
    let name = global.name.clone().unwrap_or_default();
    let mut found =
        Variable { name, space: global.space, span, members: Vec::new(), unit: 0, cells: 0, sized, half: false };
    match global.space {
        AddressSpace::WorkGroup | AddressSpace::Uniform | AddressSpace::Storage { .. } => {
            let scalars = scalars(module, element).ok_or_else(|| unknown("a variable of this type"))?;
            let unit = scalars.first().map_or(4, |(_, scalar)| u32::from(scalar.width));
            if scalars.iter().any(|(_, scalar)| u32::from(scalar.width) != unit) {
                return Err(unknown("a variable with scalars of different widths"));
            }
            let bytes = element.size(module.to_ctx());
            let ends = match &ty {
                TypeInner::Array { stride, .. } if !sized => *stride,
                _ => bytes,
            };
            (found.unit, found.cells) = (unit.max(1), ends.div_ceil(unit.max(1)));
            found.half = scalars.iter().any(|(_, scalar)| *scalar == naga::Scalar::F16);
            if let TypeInner::Struct { members, .. } = &ty {
                for member in members {
                    let words = words(module, &module.types[member.ty].inner).unwrap_or(0);
                    found.members.push((member.name.clone().unwrap_or_default(), member.offset, words));
                }
            }
        }
        AddressSpace::Handle if matches!(ty, TypeInner::Image { .. }) => {}
        _ => return Err(unknown("a variable in this address space")),
    }
    Ok(found)
}

/// What an expression stands for.
#[derive(Debug, Clone)]
enum Operand {
    Value(Register),
    Pointer(Pointer),
    Texture(usize),
}

/// A pointer. Where it leads is known here, but for indices.
#[derive(Debug, Clone)]
struct Pointer {
    to: Home,
    offset: u32,
    steps: Vec<Step>,
    ty: TypeInner,
}

/// A function in its place: its expressions, and where its result goes.
struct Frame<'m> {
    function: &'m Function,
    info: &'m FunctionInfo,
    arguments: Vec<Operand>,
    operands: Vec<Option<Operand>>,
    locals: Vec<(Handle<naga::LocalVariable>, Register)>,
    /// `None`: the entry point.
    result: Option<Register>,
    /// Jumps to its end.
    returns: Vec<usize>,
    /// The loops of this function that surround the present statement.
    loops: Vec<Loop>,
}

#[derive(Default)]
struct Loop {
    breaks: Vec<usize>,
    continues: Vec<usize>,
}

struct Lowering<'m> {
    module: &'m Module,
    info: &'m ModuleInfo,
    program: Program,
    /// Of the present statement or expression.
    span: Span,
    /// The counters of all loops around the present statement, also of those around the call.
    loops: Vec<Register>,
}

impl<'m> Lowering<'m> {
    fn entry(&mut self, function: &'m Function, info: &'m FunctionInfo) -> Result<(), Error> {
        let mut arguments = Vec::new();
        for argument in &function.arguments {
            let Some(Binding::BuiltIn(builtin)) = argument.binding else {
                return Err(self.unknown("an argument of the entry point that is not built in"));
            };
            let register = self.allocate(self.words(&self.module.types[argument.ty].inner)?);
            self.program.builtins.push((builtin, register));
            arguments.push(Operand::Value(register));
        }
        self.function(function, info, arguments, None)?;
        self.push(Op::End);
        Ok(())
    }

    /// Writes out a function.
    fn function(
        &mut self,
        function: &'m Function,
        info: &'m FunctionInfo,
        arguments: Vec<Operand>,
        result: Option<Register>,
    ) -> Result<(), Error> {
        let mut frame = Frame {
            function,
            info,
            arguments,
            operands: vec![None; function.expressions.len()],
            locals: Vec::new(),
            result,
            returns: Vec::new(),
            loops: Vec::new(),
        };
        for (handle, local) in function.local_variables.iter() {
            let n = self.words(&self.module.types[local.ty].inner)?;
            let to = self.allocate(n);
            frame.locals.push((handle, to));
            match local.init {
                None => self.push(Op::Clear { to, n }),
                Some(init) => {
                    let from = self.value(&mut frame, init)?;
                    self.push(Op::Copy { from, to, n })
                }
            };
        }
        self.block(&mut frame, &function.body)?;
        let end = self.program.ops.len();
        frame.returns.into_iter().for_each(|jump| self.land(jump, end));
        Ok(())
    }

    fn push(&mut self, op: Op) -> usize {
        self.program.ops.push(op);
        self.program.spans.push(self.span);
        self.program.ops.len() - 1
    }

    /// Gives a jump its end.
    fn land(&mut self, jump: usize, end: usize) {
        if let Op::Jump(to) | Op::JumpUnless(_, to) = &mut self.program.ops[jump] {
            *to = end;
        }
    }

    fn allocate(&mut self, words: u32) -> Register {
        let first = self.program.registers.len();
        self.program.registers.resize(first + words as usize, 0);
        first as Register
    }

    /// A register that holds these words from the start.
    fn constant(&mut self, words: &[u32]) -> Register {
        let first = self.program.registers.len();
        self.program.registers.extend_from_slice(words);
        first as Register
    }

    fn words(&self, ty: &TypeInner) -> Result<u32, Error> {
        words(self.module, ty).ok_or_else(|| self.unknown("a value of this type"))
    }

    fn unknown(&self, what: impl Into<String>) -> Error {
        Error::Unknown(self.program.source.place(self.span), what.into())
    }

    /// The words of an expression of constants.
    fn evaluate(&self, expressions: &naga::Arena<Expression>, handle: Handle<Expression>) -> Option<Vec<u32>> {
        Some(match &expressions[handle] {
            Expression::Literal(literal) => vec![numbers::literal(*literal)?],
            Expression::Constant(constant) => {
                self.evaluate(&self.module.global_expressions, self.module.constants[*constant].init)?
            }
            Expression::ZeroValue(ty) => vec![0; words(self.module, &self.module.types[*ty].inner)? as usize],
            Expression::Compose { components, .. } => {
                let parts = components.iter().map(|component| self.evaluate(expressions, *component));
                parts.collect::<Option<Vec<_>>>()?.concat()
            }
            Expression::Splat { size, value } => self.evaluate(expressions, *value)?.repeat(*size as usize),
            _ => return None,
        })
    }
}

/// The scalar that a value consists of.
fn scalar(ty: &TypeInner) -> naga::Scalar {
    ty.scalar().unwrap_or(naga::Scalar { kind: ScalarKind::Uint, width: 4 })
}
