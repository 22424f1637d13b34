/* SPDX-License-Identifier: MIT */
/* An object that does nothing when it is preloaded: what being loaded costs by itself. */
