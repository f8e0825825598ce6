//! A kernel as a list of instructions on registers: every call written out, every type taken apart into scalars. So an
//! invocation is a place in the list and its registers, and can be left and resumed anywhere.

use naga::{AddressSpace, Barrier, BuiltIn, Span, StorageAccess};

use crate::{Place, Source};

/// The first of a row of registers, each of which holds a word.
pub(crate) type Register = u32;

/// A kernel, ready to run.
#[derive(Debug)]
pub struct Program {
    pub(crate) source: Source,
    pub(crate) ops: Vec<Op>,
    /// Of each instruction.
    pub(crate) spans: Vec<Span>,
    /// What all registers hold at the start.
    pub(crate) registers: Vec<u32>,
    /// Registers that tell an invocation who it is.
    pub(crate) builtins: Vec<(BuiltIn, Register)>,
    pub(crate) variables: Vec<Variable>,
    /// Threads of a workgroup in each direction.
    pub(crate) threads: [u32; 3],
}

/// A variable of the module that is not an invocation's own.
#[derive(Debug)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) space: AddressSpace,
    pub(crate) span: Span,
    /// For a struct: its members' names, where they begin in bytes, and how long they are in scalars.
    pub(crate) members: Vec<(String, u32, u32)>,
    /// Bytes of a cell of its memory: the width of its scalars. Zero for a texture.
    pub(crate) unit: u32,
    /// Cells of its type; of an array as long as its buffer, those of an element.
    pub(crate) cells: u32,
    pub(crate) sized: bool,
    /// Whether its scalars are 16-bit floats.
    pub(crate) half: bool,
}

impl Variable {
    /// Whether the kernel may write to it.
    pub(crate) fn is_writable(&self) -> bool {
        match self.space {
            AddressSpace::WorkGroup => true,
            AddressSpace::Storage { access } => access.contains(StorageAccess::STORE),
            _ => false,
        }
    }
}

/// A way to words in memory.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) to: Home,
    /// From the beginning of the variable: bytes in memory, words in registers.
    pub(crate) offset: u32,
    pub(crate) steps: Vec<Step>,
    /// The scalars, from there: bytes in memory, words in registers.
    pub(crate) scalars: Vec<u32>,
    pub(crate) atomic: bool,
}

/// Where a variable is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Home {
    /// In memory: its place in [`Program::variables`].
    Memory(usize),
    /// In registers.
    Registers(Register),
}

/// An index that is known when the program runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub(crate) index: Register,
    pub(crate) stride: u32,
    /// `None`: as many as the buffer holds.
    pub(crate) count: Option<u32>,
}

/// An instruction. `n` is a number of words.
#[derive(Debug)]
pub(crate) enum Op {
    One {
        f: fn(u32) -> u32,
        a: Register,
        to: Register,
        n: u32,
    },
    /// An operand whose step is 0 is the same for all words.
    Two {
        f: fn(u32, u32) -> u32,
        a: (Register, u32),
        b: (Register, u32),
        to: Register,
        n: u32,
    },
    Three {
        f: fn(u32, u32, u32) -> u32,
        a: (Register, u32),
        b: Register,
        c: Register,
        to: Register,
        n: u32,
    },
    /// The words of a row, two at a time from the first on.
    Fold {
        f: fn(u32, u32) -> u32,
        a: Register,
        to: Register,
        n: u32,
    },
    Copy {
        from: Register,
        to: Register,
        n: u32,
    },
    Clear {
        to: Register,
        n: u32,
    },
    /// Part `index` of a value.
    Pick {
        from: Register,
        step: Step,
        to: Register,
        n: u32,
    },
    Load {
        access: Access,
        to: Register,
    },
    Store {
        access: Access,
        from: Register,
    },
    Atomic {
        access: Access,
        f: fn(u32, u32) -> u32,
        value: Register,
        to: Register,
    },
    /// How many elements an array has that is as long as its buffer.
    Length {
        variable: usize,
        offset: u32,
        stride: u32,
        to: Register,
    },
    Texel {
        variable: usize,
        at: Register,
        level: Option<Register>,
        to: Register,
    },
    Jump(usize),
    JumpUnless(Register, usize),
    /// Another round of a loop.
    Count(Register),
    /// With the counters of the loops around it.
    Barrier {
        of: Barrier,
        rounds: Vec<Register>,
    },
    End,
}

impl Program {
    /// Where an instruction comes from.
    pub(crate) fn place(&self, op: usize) -> Place {
        self.source.place(self.spans.get(op).copied().unwrap_or_default())
    }

    /// How many invocations a workgroup has.
    pub fn invocations(&self) -> u32 {
        self.threads.iter().product()
    }
}
