/** Defaults of Mantine's components. Colours are in theme.css. */
import {
  ActionIcon,
  Alert,
  Autocomplete,
  Button,
  Checkbox,
  createTheme,
  Drawer,
  Input,
  InputWrapper,
  Modal,
  MultiSelect,
  SegmentedControl,
  Select,
  Switch,
  Tabs,
  Textarea,
  TextInput,
  Tooltip,
} from '@mantine/core';

/** Locking the page's scroll would write a <style> element; the page itself never scrolls. */
const OVERLAY = { lockScroll: false, transitionProps: { duration: 120 } };
const SMALL = { size: 'sm' };

export const theme = createTheme({
  primaryColor: 'indigo',
  defaultRadius: 'sm',
  respectReducedMotion: true,
  components: {
    ActionIcon: ActionIcon.extend({ defaultProps: { variant: 'subtle', color: 'gray', size: 28 } }),
    Alert: Alert.extend({ defaultProps: { variant: 'light' } }),
    Autocomplete: Autocomplete.extend({ defaultProps: SMALL }),
    Button: Button.extend({ defaultProps: SMALL }),
    Checkbox: Checkbox.extend({ defaultProps: { size: 'xs' } }),
    Drawer: Drawer.extend({ defaultProps: { ...OVERLAY, position: 'right', size: 560 } }),
    Input: Input.extend({ defaultProps: SMALL }),
    InputWrapper: InputWrapper.extend({
      defaultProps: { inputWrapperOrder: ['label', 'description', 'input', 'error'] },
    }),
    Modal: Modal.extend({ defaultProps: { ...OVERLAY, centered: true } }),
    MultiSelect: MultiSelect.extend({ defaultProps: SMALL }),
    SegmentedControl: SegmentedControl.extend({ defaultProps: { size: 'xs' } }),
    Select: Select.extend({ defaultProps: { ...SMALL, allowDeselect: false } }),
    Switch: Switch.extend({ defaultProps: { size: 'xs' } }),
    Tabs: Tabs.extend({ defaultProps: { keepMounted: false } }),
    TextInput: TextInput.extend({ defaultProps: SMALL }),
    Textarea: Textarea.extend({ defaultProps: SMALL }),
    Tooltip: Tooltip.extend({
      defaultProps: {
        withArrow: false,
        openDelay: 250,
        multiline: true,
        events: { hover: true, focus: true, touch: true },
      },
    }),
  },
});
