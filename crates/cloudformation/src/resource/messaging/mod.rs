//! The types of the services that carry messages, keep parameters and secrets.

mod event_source;
mod parameter;
mod queue;
mod resource_policy;
mod rule;
mod schedule;
mod secret;
mod subscription;
mod topic;

use super::ResourceHandler;

/// The handlers.
pub(super) const HANDLERS: &[&dyn ResourceHandler] = &[
    &queue::Queue,
    &resource_policy::QUEUE,
    &event_source::EventSource,
    &rule::Rule,
    &rule::EventBus,
    &parameter::Parameter,
    &schedule::Schedule,
    &schedule::ScheduleGroup,
    &secret::Secret,
    &topic::Topic,
    &resource_policy::TOPIC,
    &subscription::Subscription,
];
