//! The Parallel state.

use crate::definition::Parallel;
use crate::parse::fields::Fields;
use crate::parse::workflow::{Builder, Siblings};
use crate::parse::{assign, flow, retry, state};

pub(crate) fn parallel<'j>(
    builder: &mut Builder<'j>,
    fields: &Fields<'j>,
    siblings: &Siblings<'j>,
) -> Option<Parallel> {
    let transition = state::transition(fields, siblings);
    let flow = flow::full(fields);
    let assign = assign::assign_reading(fields, flow::RESULT);
    let (retry, catch) = (retry::retry(fields), retry::catch(fields, siblings));
    let branches = fields
        .require(&["Branches"])
        .then(|| fields.some_objects("Branches"))??;
    let branches: Vec<_> = branches
        .iter()
        .map(|branch| {
            branch.allow_only(&[&["Comment", "StartAt", "States"]]);
            branch.text("Comment");
            builder.workflow(branch)
        })
        .collect();
    let branches = branches.into_iter().collect::<Option<Vec<_>>>()?;
    Some(Parallel {
        flow,
        branches,
        assign,
        retry,
        catch,
        transition: transition?,
    })
}
