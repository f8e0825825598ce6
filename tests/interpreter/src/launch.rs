//! A dispatch of a kernel on buffers, run in several orders.

use std::collections::BTreeSet;

use half::f16;
use naga::AddressSpace;

use crate::finding::{Finding, Kind};
use crate::machine::{Machine, Picture};
use crate::memory::Cells;
use crate::program::Variable;
use crate::{Error, Program};

/// What a variable of a kernel holds before it runs. Bindings have the names that the WGSL gives them.
#[derive(Debug, Clone)]
pub enum Data {
    /// Members of a struct by name, as words; the others are zero.
    Fields(Vec<(&'static str, Vec<u32>)>),
    /// The words of a buffer.
    Words(Vec<u32>),
    /// The numbers of a buffer, which are rounded if it holds numbers of 16 bits.
    Numbers(Vec<f32>),
    /// So many words or numbers that may be anything: they must not be read before they are written.
    Anything(usize),
    /// A texture of that width, its texels row by row.
    Texture(u32, Vec<[f32; 4]>),
}

/// A dispatch.
#[derive(Debug, Clone)]
pub struct Launch<'a> {
    program: &'a Program,
    groups: [u32; 3],
    data: Vec<(&'a str, Data)>,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// What is wrong, by kind and place.
    pub findings: Vec<Finding>,
    /// Names, cells, and whether these are numbers of 16 bits.
    buffers: Vec<(String, Vec<u32>, bool)>,
}

impl<'a> Launch<'a> {
    /// A dispatch of so many workgroups, and what each binding holds.
    pub fn new(program: &'a Program, groups: [u32; 3], data: Vec<(&'a str, Data)>) -> Self {
        Self { program, groups, data }
    }

    /// Runs it in so many orders: the invocations one after the other, then in reverse, then at random. The first order
    /// that shows something wrong is the last.
    ///
    /// # Errors
    /// When the buffers are not those that the kernel declares.
    pub fn explore(&self, orders: u64) -> Result<Outcome, Error> {
        let (memory, pictures): (Vec<Cells>, Vec<Option<Picture>>) = self.memory()?.into_iter().unzip();
        let mut findings: BTreeSet<Finding> = BTreeSet::new();
        let mut result: Option<Vec<Cells>> = None;
        for order in 0..orders.max(1) {
            let mut machine = Machine::new(self.program, memory.clone(), &pictures, order);
            machine.run(self.groups, order);
            findings.append(&mut machine.findings);
            match &result {
                None => result = Some(machine.memory),
                Some(first) => findings.extend(self.differences(first, &machine.memory)),
            }
            if !findings.is_empty() {
                break;
            }
        }
        let variables = self.program.variables.iter().zip(result.unwrap_or_default());
        let buffers = variables.map(|(variable, cells)| (variable.name.clone(), cells.values, variable.half)).collect();
        Ok(Outcome { findings: findings.into_iter().collect(), buffers })
    }

    /// The buffers that two orders filled differently.
    fn differences(&self, one: &[Cells], other: &[Cells]) -> Vec<Finding> {
        let both = self.program.variables.iter().zip(one.iter().zip(other));
        let differs = |(variable, (one, other)): &(&Variable, (&Cells, &Cells))| {
            matches!(variable.space, AddressSpace::Storage { .. })
                && (one.values != other.values || one.written != other.written)
        };
        both.filter(differs)
            .map(|(variable, _)| Finding {
                kind: Kind::Order,
                place: self.program.source.place(variable.span),
                variable: variable.name.clone(),
                other: None,
            })
            .collect()
    }

    /// What each variable holds at the start; a texture has no cells.
    fn memory(&self) -> Result<Vec<(Cells, Option<Picture>)>, Error> {
        let variables = &self.program.variables;
        if let Some((name, _)) = self.data.iter().find(|(name, _)| variables.iter().all(|v| v.name != *name)) {
            return Err(Error::Variable((*name).to_owned(), "it has none of this name"));
        }
        let mut memory = Vec::new();
        for variable in variables {
            let data = self.data.iter().find(|(name, _)| *name == variable.name).map(|(_, data)| data);
            let error = |what| Error::Variable(variable.name.clone(), what);
            let mut picture = None;
            let (values, fresh) = match (variable.space, data) {
                (AddressSpace::WorkGroup, None) => (vec![0; variable.cells as usize], true),
                (AddressSpace::WorkGroup, Some(_)) => return Err(error("workgroup memory begins with anything")),
                (_, None) => return Err(error("nothing is bound to it")),
                (AddressSpace::Handle, Some(Data::Texture(width, texels))) => {
                    picture = Some(Picture { width: *width, texels: texels.clone() });
                    (Vec::new(), false)
                }
                (AddressSpace::Handle, _) | (_, Some(Data::Texture(..))) => return Err(error("it is no texture")),
                (_, Some(Data::Fields(fields))) => (words(variable, fields)?, false),
                (_, Some(Data::Words(words))) => (words.clone(), false),
                (_, Some(Data::Numbers(numbers))) if variable.half => {
                    (numbers.iter().map(|number| u32::from(f16::from_f32(*number).to_bits())).collect(), false)
                }
                (_, Some(Data::Numbers(numbers))) => (numbers.iter().map(|number| number.to_bits()).collect(), false),
                (_, Some(Data::Anything(count))) => (vec![0xdead_beef; *count], true),
            };
            let (length, element) = (values.len(), variable.cells as usize);
            if variable.space != AddressSpace::Handle {
                let fits =
                    if variable.sized { length == element } else { length > 0 && length.is_multiple_of(element) };
                if !fits {
                    return Err(error("the data have another size than its type, or than a whole number of elements"));
                }
            }
            let cells = Cells::new(values, variable.unit.max(1), fresh, variable.is_writable());
            memory.push((cells, picture));
        }
        Ok(memory)
    }
}

/// The words of a struct with these members set.
fn words(variable: &Variable, fields: &[(&'static str, Vec<u32>)]) -> Result<Vec<u32>, Error> {
    let mut words = vec![0; variable.cells as usize];
    for (name, values) in fields {
        let member = variable.members.iter().find(|(member, ..)| member == name);
        let Some((_, offset, length)) = member else {
            return Err(Error::Variable(format!("{}.{name}", variable.name), "the struct has no such member"));
        };
        if values.len() != *length as usize {
            return Err(Error::Variable(format!("{}.{name}", variable.name), "the member has another size"));
        }
        words[(*offset / variable.unit) as usize..][..values.len()].copy_from_slice(values);
    }
    Ok(words)
}

impl Outcome {
    /// The words that a variable of this name holds now.
    pub fn words(&self, name: &str) -> Vec<u32> {
        self.buffers.iter().find(|(buffer, ..)| buffer == name).map_or_else(Vec::new, |(_, words, _)| words.clone())
    }

    /// The numbers that it holds.
    pub fn numbers(&self, name: &str) -> Vec<f32> {
        let half = self.buffers.iter().any(|(buffer, _, half)| buffer == name && *half);
        let number = |word: u32| if half { f16::from_bits(word as u16).to_f32() } else { f32::from_bits(word) };
        self.words(name).into_iter().map(number).collect()
    }
}
