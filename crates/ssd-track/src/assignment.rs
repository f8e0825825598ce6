//! The best pairs between two sets: the assignment of largest total weight.
//!
//! Pairs with a weight are few beside all that are possible, so they fall into groups that share nothing. Each group is
//! solved by shortest augmenting paths with potentials (the Hungarian method; Kuhn, 1955, and Jonker and Volgenant,
//! 1987), which is cubic in its size. What pairs up with nothing stays alone.

/// A pair that is possible: index on the left, index on the right, and its weight, above zero.
pub type Edge = (usize, usize, f64);

/// The pairs of largest total weight, each index in at most one, in the order of the left.
pub fn best_pairs(lefts: usize, rights: usize, edges: &[Edge]) -> Vec<(usize, usize)> {
    let mut pairs: Vec<(usize, usize)> = groups(lefts, rights, edges).iter().flat_map(|group| solved(group)).collect();
    pairs.sort_unstable();
    pairs
}

/// Edges that are connected, together.
fn groups(lefts: usize, rights: usize, edges: &[Edge]) -> Vec<Vec<Edge>> {
    let mut parents: Vec<usize> = (0..lefts + rights).collect();
    fn root(parents: &mut [usize], mut at: usize) -> usize {
        while parents[at] != at {
            parents[at] = parents[parents[at]];
            at = parents[at];
        }
        at
    }
    for &(left, right, _) in edges {
        let (a, b) = (root(&mut parents, left), root(&mut parents, lefts + right));
        parents[a] = b;
    }
    let mut places = vec![usize::MAX; lefts + rights];
    let mut groups: Vec<Vec<Edge>> = Vec::new();
    for &edge in edges {
        let root = root(&mut parents, edge.0);
        if places[root] == usize::MAX {
            places[root] = groups.len();
            groups.push(Vec::new());
        }
        groups[places[root]].push(edge);
    }
    groups
}

/// The best pairs of one group.
fn solved(edges: &[Edge]) -> Vec<(usize, usize)> {
    if let [(left, right, _)] = edges {
        return vec![(*left, *right)];
    }
    let mut lefts: Vec<usize> = edges.iter().map(|edge| edge.0).collect();
    let mut rights: Vec<usize> = edges.iter().map(|edge| edge.1).collect();
    for indices in [&mut lefts, &mut rights] {
        indices.sort_unstable();
        indices.dedup();
    }
    // The method takes the shorter side as rows.
    let turned = lefts.len() > rights.len();
    let (rows, columns) = if turned { (rights, lefts) } else { (lefts, rights) };
    let mut weights = vec![0.0; rows.len() * columns.len()];
    let place = |indices: &[usize], index: usize| indices.binary_search(&index).unwrap_or_default();
    for &(left, right, weight) in edges {
        let (row, column) = if turned { (right, left) } else { (left, right) };
        weights[place(&rows, row) * columns.len() + place(&columns, column)] = weight;
    }
    let chosen = assigned(&weights, rows.len(), columns.len()).into_iter().enumerate();
    // A weight of zero says that the two are no pair.
    let chosen = chosen.filter(|&(row, column)| weights[row * columns.len() + column] > 0.0);
    chosen
        .map(|(row, column)| match turned {
            false => (rows[row], columns[column]),
            true => (columns[column], rows[row]),
        })
        .collect()
}

/// The column of each row, such that the weights `[rows, columns]` add up to the most. `rows <= columns`.
fn assigned(weights: &[f64], rows: usize, columns: usize) -> Vec<usize> {
    // Costs are negative weights less the potentials of both sides; none is negative, and those of pairs are zero.
    let (mut row_potential, mut column_potential) = (vec![0.0; rows], vec![0.0; columns]);
    let mut row_of: Vec<Option<usize>> = vec![None; columns];
    for start in 0..rows {
        // Dijkstra's search from the row for the nearest free column; it visits columns, and the rows they are paired
        // with. `came_from` is the column before on the shortest path.
        let mut distance = vec![f64::INFINITY; columns];
        let mut came_from: Vec<Option<usize>> = vec![None; columns];
        let mut visited = vec![false; columns];
        let (mut row, mut last, mut length) = (start, None, 0.0);
        let end = loop {
            let mut nearest = (f64::INFINITY, columns);
            for column in (0..columns).filter(|&column| !visited[column]) {
                let cost = -weights[row * columns + column] - row_potential[row] - column_potential[column];
                if length + cost < distance[column] {
                    distance[column] = length + cost;
                    came_from[column] = last;
                }
                if distance[column] < nearest.0 {
                    nearest = (distance[column], column);
                }
            }
            // With finite weights there is always one, since rows are no more than columns.
            let (reached, column) = nearest;
            if column == columns {
                break None;
            }
            length = reached;
            visited[column] = true;
            last = Some(column);
            match row_of[column] {
                Some(next) => row = next,
                None => break Some(column),
            }
        };
        let Some(end) = end else { continue };
        row_potential[start] += length;
        for column in (0..columns).filter(|&column| visited[column] && column != end) {
            column_potential[column] -= length - distance[column];
            if let Some(row) = row_of[column] {
                row_potential[row] += length - distance[column];
            }
        }
        let mut at = end;
        while let Some(before) = came_from[at] {
            row_of[at] = row_of[before];
            at = before;
        }
        row_of[at] = Some(start);
    }
    let mut column_of = vec![0; rows];
    for (column, row) in row_of.iter().enumerate() {
        if let Some(row) = *row {
            column_of[row] = column;
        }
    }
    column_of
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64;

    use super::*;

    #[test]
    fn the_sum_counts_and_not_the_best_single_pair() {
        let edges = [(0, 0, 0.9), (0, 1, 0.8), (1, 0, 0.8)];
        assert_eq!(best_pairs(2, 2, &edges), [(0, 1), (1, 0)]);
        assert_eq!(best_pairs(3, 1, &[(0, 0, 0.2), (2, 0, 0.3)]), [(2, 0)]);
        assert_eq!(best_pairs(2, 2, &[]), []);
    }

    #[test]
    fn no_other_choice_of_pairs_has_a_larger_sum() {
        let mut random = Pcg64::seed_from_u64(1);
        for _ in 0..300 {
            let (lefts, rights) = (random.random_range(1..6), random.random_range(1..6));
            let mut edges = Vec::new();
            for left in 0..lefts {
                for right in 0..rights {
                    if random.random::<f64>() < 0.6 {
                        edges.push((left, right, random.random::<f64>() + 0.01));
                    }
                }
            }
            let weight = |pair: &(usize, usize)| {
                edges.iter().find(|edge| (edge.0, edge.1) == *pair).map(|edge| edge.2).expect("a pair with a weight")
            };
            let found: f64 = best_pairs(lefts, rights, &edges).iter().map(weight).sum();
            assert!((found - most(&edges, &[])).abs() < 1e-9, "{found} of {edges:?}");
        }
    }

    /// The largest sum by trying every choice.
    fn most(edges: &[Edge], taken: &[Edge]) -> f64 {
        let Some((first, rest)) = edges.split_first() else { return taken.iter().map(|edge| edge.2).sum() };
        let without = most(rest, taken);
        if taken.iter().any(|edge| edge.0 == first.0 || edge.1 == first.1) {
            return without;
        }
        without.max(most(rest, &[taken, &[*first]].concat()))
    }
}
