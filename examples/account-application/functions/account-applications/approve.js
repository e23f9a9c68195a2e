'use strict';

// Approves an application for good.

const store = require('./ApplicationStore');

module.exports.handler = ({ id }) => store.update(id, { state: 'APPROVED' });
