//! Memory that remembers who touched it.

use crate::program::Access;

/// An access to a cell: by which invocation of which workgroup, after how many barriers, by which instruction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Touch {
    pub(crate) group: u32,
    pub(crate) invocation: u32,
    pub(crate) phase: u32,
    pub(crate) op: usize,
}

impl Touch {
    /// Whether nothing orders the two.
    fn meets(&self, other: &Self) -> bool {
        self.group != other.group || (self.phase == other.phase && self.invocation != other.invocation)
    }
}

/// Accesses of one sort. Workgroups run one after the other, so the first of all and two of the present phase are
/// enough to know whether a new one meets any.
#[derive(Debug, Clone, Copy, Default)]
struct Touches {
    first: Option<Touch>,
    present: [Option<Touch>; 2],
}

impl Touches {
    fn meeting(&self, touch: &Touch) -> Option<Touch> {
        [self.first, self.present[0], self.present[1]].into_iter().flatten().find(|earlier| earlier.meets(touch))
    }

    fn add(&mut self, touch: Touch) {
        self.first.get_or_insert(touch);
        match &mut self.present {
            [Some(one), two] if (one.group, one.phase) == (touch.group, touch.phase) => {
                if one.invocation != touch.invocation {
                    two.get_or_insert(touch);
                }
            }
            present => *present = [Some(touch), None],
        }
    }
}

/// What an instruction does to a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Sort {
    Read,
    Write,
    Atomic,
}

/// The cells of a variable: a scalar each.
#[derive(Debug, Clone)]
pub(crate) struct Cells {
    pub(crate) values: Vec<u32>,
    /// Bytes of a scalar.
    pub(crate) unit: u32,
    /// Whether each has been written to; `None` where all have, from the start.
    pub(crate) written: Option<Vec<bool>>,
    /// Reads, writes, atomic accesses; `None` where nothing can be written.
    touches: Option<Vec<[Touches; 3]>>,
}

impl Cells {
    pub(crate) fn new(values: Vec<u32>, unit: u32, fresh: bool, writable: bool) -> Self {
        let written = fresh.then(|| vec![false; values.len()]);
        let touches = writable.then(|| vec![Default::default(); values.len()]);
        Self { values, unit, written, touches }
    }

    /// The offset that an access has with these registers, in bytes; `None` where an index is beyond its array.
    pub(crate) fn offset(access: &Access, registers: &[u32]) -> Option<u64> {
        access.steps.iter().try_fold(u64::from(access.offset), |offset, step| {
            let index = registers[step.index as usize];
            let inside = step.count.is_none_or(|count| index < count);
            inside.then(|| offset + u64::from(index) * u64::from(step.stride))
        })
    }

    /// The cell that is that many bytes from the beginning.
    pub(crate) fn cell(&self, offset: u64) -> Option<usize> {
        let cell = usize::try_from(offset / u64::from(self.unit)).ok()?;
        (cell < self.values.len()).then_some(cell)
    }

    /// Notes an access, and returns an earlier one that nothing orders before it.
    pub(crate) fn touch(&mut self, cell: usize, sort: Sort, touch: Touch) -> Option<Touch> {
        let [reads, writes, atomics] = &mut self.touches.as_mut()?[cell];
        let (met, own) = match sort {
            Sort::Read => (writes.meeting(&touch).or_else(|| atomics.meeting(&touch)), reads),
            Sort::Atomic => (writes.meeting(&touch).or_else(|| reads.meeting(&touch)), atomics),
            Sort::Write => {
                let others = reads.meeting(&touch).or_else(|| atomics.meeting(&touch));
                (writes.meeting(&touch).or(others), writes)
            }
        };
        own.add(touch);
        met
    }

    /// Notes that a cell holds something; whether it did before.
    pub(crate) fn write(&mut self, cell: usize, value: u32) {
        self.values[cell] = value;
        if let Some(written) = &mut self.written {
            written[cell] = true;
        }
    }

    pub(crate) fn is_written(&self, cell: usize) -> bool {
        self.written.as_ref().is_none_or(|written| written[cell])
    }
}
