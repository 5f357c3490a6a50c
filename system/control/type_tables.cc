// See type_tables.h.
#include "system/control/type_tables.h"

#include "hw/char/types.h"
#include "hw/i386/types.h"
#include "hw/misc/types.h"
#include "hw/pci/types.h"
register_misc_types(types);
register_timer_types(types);
register_i386_types(types);
