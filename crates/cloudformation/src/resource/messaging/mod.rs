//! The types of the services that carry messages, keep parameters and secrets.

mod event_source;
mod parameter;
mod queue;
mod queue_policy;
mod rule;
mod schedule;
mod secret;
mod subscription;
mod topic;
mod topic_policy;

use super::ResourceHandler;

/// The handlers.
pub(super) const HANDLERS: &[&dyn ResourceHandler] = &[
    &queue::Queue,
    &queue_policy::QueuePolicy,
    &event_source::EventSource,
    &rule::Rule,
    &rule::EventBus,
    &parameter::Parameter,
    &schedule::Schedule,
    &schedule::ScheduleGroup,
    &secret::Secret,
    &topic::Topic,
    &topic_policy::TopicPolicy,
    &subscription::Subscription,
];
