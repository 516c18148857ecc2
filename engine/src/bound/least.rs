//! The least value of a variable under linear constraints: the dual simplex method on a small table.

/// A constraint on `N` variables, none of them negative: the sum of `terms` × variables is at least
/// `at_least`.
#[derive(Clone, Copy, Debug)]
pub(super) struct LinearConstraint<const N: usize> {
    pub(super) terms: [f64; N],
    pub(super) at_least: f64,
}

/// One variable in terms of those that are 0.
#[derive(Clone, Copy, Debug)]
struct Row<const N: usize> {
    variable: usize,
    constant: f64,
    terms: [f64; N],
}

/// The least value of the last of `N` variables under `constraints`; infinite if nothing meets them.
///
/// A variable that no constraint holds is 0. All costs but one are 0 and none is negative, so that the table is
/// optimal from the beginning, and only has to be made feasible; Bland's rule (the smallest index of
/// those that could be taken) keeps that from going in circles.
pub(super) fn least<const N: usize>(constraints: &[LinearConstraint<N>]) -> f64 {
    /// The rounding error that a constraint may have, relative to its own size.
    const ROUNDING: f64 = 1e-12;
    let mut outside: [usize; N] = std::array::from_fn(|variable| variable);
    let mut goal = Row { variable: usize::MAX, constant: 0.0, terms: [0.0; N] };
    goal.terms[N - 1] = 1.0;
    let mut rows: Vec<Row<N>> = (N..)
        .zip(constraints)
        .map(|(variable, one)| Row { variable, constant: -one.at_least, terms: one.terms })
        .collect();
    let size = constraints.iter().map(|one| one.at_least.abs()).fold(1.0, f64::max);
    loop {
        let missed = rows.iter().enumerate().filter(|(_, row)| row.constant < -ROUNDING * size);
        let Some((leaving, row)) = missed.min_by_key(|(_, row)| row.variable) else {
            return goal.constant;
        };
        let cost = |column: &usize| goal.terms[*column] / row.terms[*column];
        let entering = (0..N)
            .filter(|&column| row.terms[column] > ROUNDING)
            .min_by(|a, b| cost(a).total_cmp(&cost(b)).then(outside[*a].cmp(&outside[*b])));
        let Some(entering) = entering else { return f64::INFINITY };
        let solved = solve(*row, entering, outside[entering]);
        outside[entering] = row.variable;
        rows[leaving] = solved;
        for row in rows.iter_mut().chain([&mut goal]).filter(|row| row.variable != solved.variable)
        {
            substitute(row, entering, &solved);
        }
    }
}

/// `row`, solved for the variable of column `entering`.
fn solve<const N: usize>(row: Row<N>, entering: usize, variable: usize) -> Row<N> {
    let pivot = row.terms[entering];
    let mut terms = row.terms.map(|term| -term / pivot);
    terms[entering] = 1.0 / pivot;
    Row { variable, constant: -row.constant / pivot, terms }
}

/// Puts `solved` in the place of the variable of column `entering`.
fn substitute<const N: usize>(row: &mut Row<N>, entering: usize, solved: &Row<N>) {
    let factor = std::mem::take(&mut row.terms[entering]);
    row.constant += factor * solved.constant;
    for (term, of_solved) in row.terms.iter_mut().zip(solved.terms) {
        *term += factor * of_solved;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_asked_costs_nothing_and_the_impossible_has_no_least() {
        assert!(least::<3>(&[]).abs() < 1e-12);
        let impossible = LinearConstraint { terms: [-1.0, 0.0], at_least: 1.0 };
        assert!(least(&[impossible]).is_infinite());
    }

    proptest! {
        /// Work that may be split among machines, some of which have a second limit: against the
        /// closed form, the time in which they can do all of it together.
        #[test]
        fn work_is_split_as_well_as_it_can_be(
            rates in [1.0..100.0, 1.0..100.0, 1.0..100.0_f64],
            caps in [0.1..10.0, 0.1..10.0, 0.1..10.0_f64],
            work in 1.0..1_000.0_f64,
        ) {
            let mut constraints = vec![LinearConstraint { terms: [1.0, 1.0, 1.0, 0.0], at_least: work }];
            for machine in 0..3 {
                let (mut by_rate, mut by_cap) = ([0.0; 4], [0.0; 4]);
                (by_rate[machine], by_rate[3]) = (-1.0, rates[machine]);
                (by_cap[machine], by_cap[3]) = (-1.0, caps[machine]);
                constraints.push(LinearConstraint { terms: by_rate, at_least: 0.0 });
                // A burst of 5 comes first.
                constraints.push(LinearConstraint { terms: by_cap, at_least: -5.0 });
            }
            let within = |s: f64| (0..3).map(|m| (rates[m] * s).min(5.0 + caps[m] * s)).sum::<f64>();
            let (mut low, mut high) = (0.0, 1e6);
            for _ in 0..100 {
                let middle = f64::midpoint(low, high);
                if within(middle) < work { low = middle } else { high = middle }
            }
            let found = least(&constraints);
            prop_assert!((found - high).abs() <= 1e-6 * high, "{found}, not {high}");
        }
    }
}
