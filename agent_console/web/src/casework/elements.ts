/** The parts of Element Plus that only the desks of a ticket's life use. */
import 'element-plus/theme-chalk/el-drawer.css'
