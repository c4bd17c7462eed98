/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/flow_path.h"

#ifdef XTOP_HAS_V4
#include "capture/cpu_level.h"

extern const struct flow_path flow_path_any_v4;
#endif

const struct flow_path *flow_path_choose(void)
{
#ifdef XTOP_HAS_V4
    if (cpu_is_v4())
        return &flow_path_any_v4;
#endif
    return &flow_path_any;
}
